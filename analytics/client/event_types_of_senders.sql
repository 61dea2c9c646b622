-- The event types of those senders. Row groups that have none of them are skipped.
SELECT sender, event_type, category, min(seq) AS first
FROM notifications
WHERE NOT is_shipped(sender) AND event_type IS NOT NULL
GROUP BY sender, event_type, category
ORDER BY sender, event_type, category
