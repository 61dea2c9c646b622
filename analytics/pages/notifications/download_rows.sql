-- Notifications between two numbers with all columns, newest first; none where the first number is NULL.
SELECT * REPLACE (id::VARCHAR AS id, duplicate_of::VARCHAR AS duplicate_of, payload::VARCHAR AS payload)
FROM notifications
WHERE seq >= $first AND seq <= $upto
    -- include matching.sql
ORDER BY seq DESC
