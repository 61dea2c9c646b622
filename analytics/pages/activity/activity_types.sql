-- Event types by their events in a time, beside another; where the event is unknown it is the category.
SELECT
    coalesce(event_type, category) AS name,
    -- include beside.sql
FROM events
WHERE received_at >= $counted_since::TIMESTAMPTZ AND received_at < $counted_until::TIMESTAMPTZ
    -- include of_activity.sql
GROUP BY name
ORDER BY events DESC, name
