-- The months in which notifications were received, accepted or refused.
SELECT DISTINCT strftime(received_at AT TIME ZONE 'UTC', '%Y-%m') AS month FROM notifications
UNION
SELECT DISTINCT strftime(received_at AT TIME ZONE 'UTC', '%Y-%m') FROM rejected
ORDER BY month
