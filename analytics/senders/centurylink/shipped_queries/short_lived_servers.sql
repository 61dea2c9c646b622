-- Short-lived servers
-- Servers that were deleted within a day of their making: tests, mistakes, or somebody who uses stolen resources. A name that
-- is used again has a row for each such life.
SELECT
    entity_id AS server,
    any_value(account_alias) AS account,
    min(happened_at) FILTER (action = 'Created') AS made_at,
    min(happened_at) FILTER (action = 'Deleted') AS deleted_at,
    round(epoch(deleted_at - made_at) / 3600, 1) AS hours
FROM (
    SELECT *, count(*) FILTER (begins) OVER (PARTITION BY entity_id ORDER BY happened_at, seq) AS life
    FROM (
        SELECT
            *,
            least(occurred_at, received_at) AS happened_at,
            -- A creation within a minute of the last one is its copy. After a longer time a deletion between them was lost.
            action = 'Created' AND (
                lag(action) OVER (PARTITION BY entity_id ORDER BY happened_at, seq) IS DISTINCT FROM 'Created'
                OR happened_at - lag(happened_at) OVER (PARTITION BY entity_id ORDER BY happened_at, seq) > INTERVAL 1 MINUTE
            ) AS begins
        FROM events
        WHERE sender = 'centurylink' AND category = 'Server' AND action IN ('Created', 'Deleted')
    )
)
GROUP BY entity_id, life
HAVING deleted_at - made_at < INTERVAL 1 DAY
ORDER BY made_at DESC
