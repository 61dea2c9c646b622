-- The time of receipt of the filter's first notification.
SELECT min(received_at) AS first
FROM notifications
WHERE true
    -- include matching.sql
