-- The number of a notification by its id.
SELECT seq
FROM notifications
WHERE id = $id::UUID
LIMIT 1
