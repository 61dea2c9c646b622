-- Short-lived servers
-- Servers that were deleted within a day of their making: tests, mistakes, or somebody who uses stolen resources. A name that
-- is used again has a row for each such life.
SELECT
    entity_id AS server,
    any_value(account_alias) AS account,
    min(happened_at) FILTER (action = 'Created') AS made_at,
    max(happened_at) FILTER (action = 'Deleted') AS deleted_at,
    round(epoch(deleted_at - made_at) / 3600, 1) AS hours
FROM (
    SELECT
        *,
        least(occurred_at, received_at) AS happened_at,
        count(*) FILTER (action = 'Deleted') OVER (
            PARTITION BY entity_id ORDER BY happened_at, seq ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS life
    FROM events
    WHERE category = 'Server' AND action IN ('Created', 'Deleted')
)
GROUP BY entity_id, life
HAVING deleted_at - made_at < INTERVAL 1 DAY
ORDER BY made_at DESC
