-- Entities by their events in a time, beside another: those with most, or whose number differs most; then data centres,
-- by the events of their servers. A server's alerts are its own, and its name begins with its data centre: all of them
-- are counted once, since counting by so many names takes longest of all that the page asks. Each list shows what else
-- could be chosen from it: a data centre that is chosen is left to the entities, and an entity to the data centres.
WITH counted AS (
    SELECT
        if(category = 'Alert', 'Server', category) AS kind, entity_id AS name,
        -- include beside.sql
    FROM events
    WHERE received_at >= $counted_since::TIMESTAMPTZ AND received_at < $counted_until::TIMESTAMPTZ AND entity_id IS NOT NULL
        -- include of_activity.sql
    GROUP BY kind, name
), entities AS (
    SELECT *
    FROM counted
    WHERE true
        AND kind = 'Server' AND starts_with(name, $chosen_centre) -- if $chosen_centre
), ranked AS (
    SELECT kind, name, events, events_before, (SELECT count(*) FROM entities WHERE events > 0) AS total
    FROM entities
    ORDER BY
        abs(events - events_before) DESC, -- if $by_change
        events DESC, name, kind
    LIMIT $most
), centres AS (
    SELECT
        'Data centre' AS kind, left(name, 3) AS name,
        sum(events)::BIGINT AS events, sum(events_before)::BIGINT AS events_before, NULL AS total
    FROM counted
    WHERE kind = 'Server'
        AND kind = $chosen_kind AND name = $chosen_entity -- if $chosen_entity
    GROUP BY ALL
    -- Of any value, as DuckDB would otherwise try it on each server's name before it counts.
    HAVING regexp_full_match(any_value(left(name, 3)), '[A-Z]{2}[0-9]')
    ORDER BY events DESC, name
)
FROM ranked
UNION ALL
FROM centres
