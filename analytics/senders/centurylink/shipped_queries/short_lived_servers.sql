-- Short-lived servers
-- Servers that were deleted within a day of their making: tests, mistakes, or somebody who uses stolen resources.
SELECT
    entity_id AS server,
    account_alias AS account,
    min(received_at) FILTER (WHERE action = 'Created') AS made_at,
    max(received_at) FILTER (WHERE action = 'Deleted') AS deleted_at,
    round(epoch(deleted_at - made_at) / 3600, 1) AS hours
FROM events
WHERE category = 'Server'
GROUP BY entity_id, account_alias
HAVING deleted_at > made_at AND deleted_at - made_at < INTERVAL 1 DAY
ORDER BY made_at DESC
