-- The ids of an entity's notifications, the newest first.
SELECT id::VARCHAR AS id
FROM notifications
WHERE true
    -- include of_entity.sql
ORDER BY seq DESC
LIMIT $page_rows
