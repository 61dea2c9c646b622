-- Changes in a time and in the time to compare with, without noise. A change gets its event type from its notification.
SELECT
    -- include beside.sql
FROM (
    SELECT
        event_type, -- if $event_types
        changed_at AS received_at, category, entity_id, account_alias, actor
    FROM changes
    JOIN (SELECT seq, event_type FROM events WHERE received_at >= $counted_since::TIMESTAMPTZ) USING (seq) -- if $event_types
    WHERE NOT noise
)
WHERE received_at >= $counted_since::TIMESTAMPTZ AND received_at < $counted_until::TIMESTAMPTZ
    -- include of_activity.sql
