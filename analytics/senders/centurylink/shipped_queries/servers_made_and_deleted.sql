-- Servers made and deleted by day
-- How many servers were made and how many deleted each day of the last 30 days: is it growing?
SELECT
    date_trunc('day', received_at) AS day,
    count(DISTINCT entity_id) AS servers,
    action AS what
FROM events
WHERE sender = 'centurylink' AND category = 'Server' AND action IN ('Created', 'Deleted')
    AND received_at >= date_trunc('day', now()) - INTERVAL 30 DAY
GROUP BY day, action
ORDER BY day, action
