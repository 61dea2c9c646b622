-- How many notifications the store has of each month before a moment.
SELECT strftime(received_at AT TIME ZONE 'UTC', '%Y-%m') AS month, count(*) AS number
FROM notifications
WHERE received_at < $before::TIMESTAMPTZ
GROUP BY month
ORDER BY month
