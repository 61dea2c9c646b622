-- Entities by their events in a time, beside another: those with most, or whose number differs most; then places, by the
-- events of their entities. All of them are counted once, since counting by so many names takes longest of all that the
-- page asks. Each list shows what else could be chosen from it: a place that is chosen is left to the entities, and an
-- entity to the places.
WITH counted AS (
    SELECT
        kind_of(category) AS kind, entity_id AS name,
        -- include beside.sql
    FROM events
    WHERE received_at >= $counted_since::TIMESTAMPTZ AND received_at < $counted_until::TIMESTAMPTZ AND entity_id IS NOT NULL
        -- include of_activity.sql
    GROUP BY kind, name
), entities AS (
    SELECT *
    FROM counted
    WHERE true
        AND has_place(kind) AND starts_with(name, $chosen_centre) -- if $chosen_centre
), ranked AS (
    SELECT kind, name, events, events_before, (SELECT count(*) FROM entities WHERE events > 0) AS total
    FROM entities
    ORDER BY
        abs(events - events_before) DESC, -- if $by_change
        events DESC, name, kind
    LIMIT $most
), centres AS (
    SELECT
        what_a_place_is() AS kind, place_of(name) AS name,
        sum(events)::BIGINT AS events, sum(events_before)::BIGINT AS events_before, NULL AS total
    FROM counted
    WHERE has_place(kind)
        AND kind = $chosen_kind AND name = $chosen_entity -- if $chosen_entity
    GROUP BY ALL
    -- Of any value, as DuckDB would otherwise try it on each entity's name before it counts.
    HAVING is_place(any_value(place_of(name)))
    ORDER BY events DESC, name
)
FROM ranked
UNION ALL
FROM centres
