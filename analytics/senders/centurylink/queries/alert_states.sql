-- The states of all triggers of the alerts between two notifications by number, or of those of a server. Names of metrics and states come in any
-- letter case; a trigger with another state than the two is ignored.
SELECT
    seq,
    place,
    occurred_at,
    account_alias,
    'Server' AS kind,
    entity_id,
    lower(coalesce(told ->> 'metric', '')) AS metric,
    lower(told ->> 'state') = 'triggered' AS above,
    (told -> 'data')::VARCHAR AS reading
FROM (
    SELECT
        seq,
        least(occurred_at, received_at) AS occurred_at,
        account_alias,
        entity_id,
        unnest(payload -> '$.triggers[*]') AS told,
        generate_subscripts(payload -> '$.triggers[*]', 1) AS place
    FROM events
    WHERE sender = 'centurylink' AND category = 'Alert' AND entity_id IS NOT NULL AND seq >= $first AND seq <= $last
        AND entity_id = $entity -- if $entity
)
WHERE lower(told ->> 'state') IN ('triggered', 'nottriggered')
ORDER BY seq, place
