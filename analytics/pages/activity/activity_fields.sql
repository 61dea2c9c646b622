-- Changed fields, without the keys of their items, by name, in a time and in the time to compare with: those that changed
-- most often, or whose numbers differ most.
WITH counted AS (
    SELECT
        regexp_replace(path, '\[("([^"\\]|\\.)*"|[^\]]*)\]', '[]', 'g') AS name,
        -- include beside.sql
    -- include counted.sql
    WHERE received_at >= $counted_since::TIMESTAMPTZ AND received_at < $counted_until::TIMESTAMPTZ
        -- include of_activity.sql
    GROUP BY name
    HAVING events + events_before > 0
)
SELECT
    name, events, events_before,
    (SELECT count(*) FROM counted WHERE events > 0) AS total,
    (SELECT count(*) FROM counted) AS listed
FROM counted
ORDER BY
    abs(events - events_before) DESC, -- if $by_change
    events DESC, name
LIMIT $most
