-- The event types of those senders, and the categories of unknown events. Row groups that have none of them are skipped.
SELECT sender, event_type, category, min(seq) AS first
FROM notifications
WHERE NOT is_shipped(sender)
GROUP BY sender, event_type, category
ORDER BY sender, event_type, category
