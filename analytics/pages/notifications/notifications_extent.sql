-- When the first notification was received that the filter lets through.
SELECT min(received_at) AS first
FROM notifications
WHERE true
    -- include matching.sql
