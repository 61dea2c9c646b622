-- The event types and categories that the store has, each once.
SELECT DISTINCT unnest([coalesce(event_type, category), category]) AS name
FROM notifications
WHERE category IS NOT NULL
ORDER BY name
