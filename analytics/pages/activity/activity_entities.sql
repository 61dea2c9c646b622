-- Entities with their events in a time and in the time to compare with: the largest, or those that differ most; then
-- places with the events of their entities. Everything is counted once, because counting by so many names is the page's
-- slowest question. Each list shows its other choices too: a chosen place filters the entities only, and a chosen entity
-- the places only.
WITH counted AS (
    SELECT -- if $kept
        sender, -- if $several -- if $kept
        kind, name, sum(events)::BIGINT AS events, sum(events_before)::BIGINT AS events_before -- if $kept
    FROM ( -- if $kept
    SELECT
        sender, -- if $several
        kind_of(category) AS kind, entity_id AS name,
        -- include beside.sql
    -- include counted.sql
    WHERE received_at >= $counted_since::TIMESTAMPTZ AND received_at < $counted_until::TIMESTAMPTZ AND entity_id IS NOT NULL
        -- include of_activity.sql
    GROUP BY ALL
    HAVING events + events_before > 0
    UNION ALL -- if $kept
    SELECT -- if $kept
        sender, -- if $several -- if $kept
        kind_of(category) AS kind, -- if $kept
        -- include months.sql -- if $kept
        AND what = 'entity' -- if $kept
    ) -- if $kept
    GROUP BY ALL -- if $kept
    HAVING sum(events) + sum(events_before) > 0 -- if $kept
), entities AS (
    SELECT *
    FROM counted
    WHERE true
        AND has_place(kind) AND starts_with(name, $chosen_centre) -- if $chosen_centre
), ranked AS (
    SELECT
        sender, -- if $several
        kind, name, events, events_before,
        (SELECT count(*) FROM entities WHERE events > 0) AS total,
        (SELECT count(*) FROM entities) AS listed
    FROM entities
    ORDER BY
        abs(events - events_before) DESC, -- if $by_change
        events DESC, name, kind
    LIMIT $most
), centres AS (
    SELECT
        sender, -- if $several
        what_a_place_is() AS kind, place_of(name) AS name,
        sum(events)::BIGINT AS events, sum(events_before)::BIGINT AS events_before, NULL AS total, NULL AS listed
    FROM counted
    WHERE has_place(kind)
        AND kind = $chosen_kind AND name = $chosen_entity -- if $chosen_entity
    GROUP BY ALL
    -- any_value, because DuckDB would otherwise compute it for each entity's name before it counts.
    HAVING is_place(any_value(place_of(name)))
    ORDER BY events DESC, name
)
FROM ranked
UNION ALL
FROM centres
