-- Delays of the sender
-- How long after it happened each event's notification came, in seconds: usually within five.
SELECT
    coalesce(event_type, category) AS event,
    count(*) AS notifications,
    round(quantile_cont(epoch(received_at - occurred_at), 0.5), 1) AS median,
    round(quantile_cont(epoch(received_at - occurred_at), 0.99), 1) AS slowest_percent,
    round(max(epoch(received_at - occurred_at)), 1) AS slowest
FROM events
WHERE received_at > now() - INTERVAL 30 DAY AND occurred_at < received_at
GROUP BY event
ORDER BY median DESC
