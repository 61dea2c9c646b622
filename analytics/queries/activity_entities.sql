-- Entities by their events in a time, beside another: those with most, or whose number differs most. A server's alerts
-- are its own.
WITH counted AS (
    SELECT
        if(category = 'Alert', 'Server', category) AS kind, entity_id AS name,
        -- include beside.sql
    FROM events
    WHERE received_at >= $counted_since::TIMESTAMPTZ AND received_at < $counted_until::TIMESTAMPTZ AND entity_id IS NOT NULL
        -- include of_activity.sql
    GROUP BY kind, name
)
SELECT kind, name, events, events_before, (SELECT count(*) FROM counted WHERE events > 0) AS total
FROM counted
ORDER BY
    abs(events - events_before) DESC, -- if $by_change
    events DESC, name, kind
LIMIT $most
