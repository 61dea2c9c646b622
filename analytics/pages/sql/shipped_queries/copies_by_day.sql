-- Copies by day
-- How many notifications came more than once each day: a parent with “include sub-accounts” and its sub-account both have
-- a target URL.
SELECT
    date_trunc('day', received_at) AS day,
    count(*) AS notifications,
    count(duplicate_of) AS copies,
    round(100 * count(duplicate_of) / count(*), 1) AS percent
FROM notifications
WHERE received_at >= date_trunc('day', now()) - INTERVAL 30 DAY
GROUP BY day
ORDER BY day
