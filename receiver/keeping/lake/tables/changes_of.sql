-- The changes of some notifications.
SELECT file.*
FROM file
SEMI JOIN ids ON ids.id = file.notification_id
