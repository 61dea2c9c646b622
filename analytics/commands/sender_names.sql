-- The names of the senders that the store has notifications of.
SELECT DISTINCT sender AS name
FROM notifications
ORDER BY name
