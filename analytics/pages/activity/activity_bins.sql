-- Events by bin and event type. Bins begin at the given moments (microseconds since 1970, in order); empty bins are left
-- out. DuckDB's histogram counts into bins five times as fast as a join with them.
WITH bins AS (
    SELECT unnest($begins::BIGINT[]) AS bin_us, unnest(
        -- include lasts.sql
    ) AS last_us
), counted AS (
    SELECT coalesce(event_type, category) AS event_type, histogram(
        epoch_us(received_at),
        -- include lasts.sql
    ) AS bars
    -- include counted.sql
    WHERE received_at >= $since::TIMESTAMPTZ AND received_at < $until::TIMESTAMPTZ
        -- include of_activity.sql
    GROUP BY ALL
), bars AS (
    SELECT event_type, unnest(map_keys(bars)) AS last_us, unnest(map_values(bars)) AS events
    FROM counted
    UNION ALL -- if $kept
    SELECT coalesce(event_type, category), last_us, sum(number) -- if $kept
    -- include quarters_in_bins.sql -- if $kept
    GROUP BY ALL -- if $kept
)
SELECT bin_us, event_type, sum(events)::BIGINT AS events
FROM bars JOIN bins USING (last_us)
WHERE events > 0
GROUP BY ALL
ORDER BY bin_us, event_type
