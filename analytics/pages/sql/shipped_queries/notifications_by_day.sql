-- Notifications by day
-- How many notifications of each event came each day of the last 30 days. Its chart shows trends and gaps.
SELECT
    date_trunc('day', received_at) AS day,
    coalesce(event_type, category || ' (event unknown)') AS event,
    count(*) AS notifications
FROM events
WHERE received_at >= date_trunc('day', now()) - INTERVAL 30 DAY
GROUP BY day, event
ORDER BY day, event
