-- Data centres by the events of their servers in a time, beside another. Names of servers begin with their data centre;
-- it is taken of each name once, not of each event.
WITH counted AS (
    SELECT
        entity_id,
        -- include beside.sql
    FROM events
    WHERE received_at >= $counted_since::TIMESTAMPTZ AND received_at < $counted_until::TIMESTAMPTZ AND category IN ('Server', 'Alert')
        -- include of_activity.sql
    GROUP BY entity_id
)
SELECT left(entity_id, 3) AS name, sum(events)::BIGINT AS events, sum(events_before)::BIGINT AS events_before
FROM counted
GROUP BY name
HAVING regexp_full_match(name, '[A-Z]{2}[0-9]')
ORDER BY events DESC, name
