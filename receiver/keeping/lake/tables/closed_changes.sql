-- The changes of closed notifications: those of the lake, and of the store where the lake has none.
SELECT here.*
FROM here
ANTI JOIN there ON there.notification_id = here.notification_id
UNION ALL BY NAME
SELECT there.*
FROM there
ORDER BY entity_id, changed_at, notification_id, path
