-- The states of all triggers of the alerts between two notifications by number, or of those of a server, and the deletions
-- of servers there, without a metric: they end the alarms of all. Names of metrics and states come in any letter case; a
-- trigger with another state than the two is ignored. Each trigger has its own time, read as the receiver reads it: without
-- an offset it is UTC. One without a time that can be read has its notification's. An alert that names no server is its
-- account's, without a kind: names of servers are in upper case, so none is like what stands for it.
SELECT
    seq,
    place,
    least(coalesce(CASE WHEN above THEN times[1] ELSE times[2] END, times[1], times[2], occurred_at), received_at)
        AS occurred_at,
    account_alias,
    kind,
    entity_id,
    metric,
    above,
    reading
FROM (
    SELECT
        seq,
        place,
        occurred_at,
        received_at,
        account_alias,
        if(entity_id IS NOT NULL, 'Server', NULL) AS kind,
        coalesce(entity_id, '(no server) of ' || account_alias, '(no server)') AS entity_id,
        lower(coalesce(told ->> 'metric', '')) AS metric,
        lower(told ->> 'state') = 'triggered' AS above,
        (told -> 'data')::VARCHAR AS reading,
        -- A date alone is no time, nor is .NET's date that was never set, of the year 1.
        list_transform(
            [told ->> 'stateStartTime', told ->> 'stateEndTime'],
            lambda text: CASE
                WHEN regexp_matches(text, '^[1-9][0-9]{3}-[0-9]{2}-[0-9]{2}[Tt ]') THEN TRY_CAST(upper(text) AS TIMESTAMPTZ)
            END
        ) AS times
    FROM (
        SELECT
            seq,
            occurred_at,
            received_at,
            account_alias,
            entity_id,
            unnest(payload -> '$.triggers[*]') AS told,
            generate_subscripts(payload -> '$.triggers[*]', 1) AS place
        FROM events
        WHERE sender = 'centurylink' AND category = 'Alert' AND seq >= $first AND seq <= $last
            AND entity_id = $entity -- if $entity
    )
    WHERE lower(told ->> 'state') IN ('triggered', 'nottriggered')
)
UNION ALL
SELECT seq, 0, least(occurred_at, received_at), account_alias, category, entity_id, NULL, false, NULL
FROM events
WHERE sender = 'centurylink' AND category = 'Server' AND action = 'Deleted' AND entity_id IS NOT NULL
    AND seq >= $first AND seq <= $last
    AND entity_id = $entity -- if $entity
ORDER BY seq, place
