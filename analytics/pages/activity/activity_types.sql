-- Event types with their events in a time and in the time to compare with; the category where the event is unknown.
SELECT name, sum(events)::BIGINT AS events, sum(events_before)::BIGINT AS events_before -- if $kept
FROM ( -- if $kept
SELECT
    coalesce(event_type, category) AS name,
    -- include beside.sql
-- include counted.sql
WHERE received_at >= $counted_since::TIMESTAMPTZ AND received_at < $counted_until::TIMESTAMPTZ
    -- include of_activity.sql
GROUP BY name
HAVING events + events_before > 0
    UNION ALL -- if $kept
    SELECT -- if $kept
        coalesce(event_type, category), -- if $kept
        -- include quarters_beside.sql -- if $kept
    -- include quarters.sql -- if $kept
    GROUP BY ALL -- if $kept
) -- if $kept
GROUP BY name -- if $kept
HAVING sum(events) + sum(events_before) > 0 -- if $kept
ORDER BY events DESC, name
