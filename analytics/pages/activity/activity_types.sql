-- Event types with their events in a time and in the time to compare with; the category where the event is unknown.
SELECT
    coalesce(event_type, category) AS name,
    -- include beside.sql
-- include counted.sql
WHERE received_at >= $counted_since::TIMESTAMPTZ AND received_at < $counted_until::TIMESTAMPTZ
    -- include of_activity.sql
GROUP BY name
ORDER BY events DESC, name
