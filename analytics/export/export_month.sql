-- Notifications of a lake with all columns, in the order of their receipt.
SELECT * REPLACE (id::VARCHAR AS id, duplicate_of::VARCHAR AS duplicate_of, payload::VARCHAR AS payload)
FROM notifications
WHERE true
    -- include matching_command.sql
ORDER BY received_at, notifications.id
