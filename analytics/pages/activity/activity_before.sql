-- Events by bin in the time to compare with, which is `shift_us` earlier; bins are as in activity_bins.
WITH bins AS (
    SELECT unnest($begins::BIGINT[]) AS bin_us, unnest(
        -- include lasts.sql
    ) AS last_us
), counted AS (
    SELECT histogram(
        epoch_us(received_at) + $shift_us::BIGINT,
        -- include lasts.sql
    ) AS bars
    -- include counted.sql
    WHERE received_at >= $before_since::TIMESTAMPTZ AND received_at < $before_until::TIMESTAMPTZ
        -- include of_activity.sql
), bars AS (
    SELECT unnest(map_keys(bars)) AS last_us, unnest(map_values(bars)) AS events
    FROM counted
    UNION ALL -- if $kept
    SELECT last_us, sum(number) -- if $kept
    -- include quarters_before.sql -- if $kept
    GROUP BY ALL -- if $kept
)
SELECT bin_us, sum(events)::BIGINT AS events
FROM bars JOIN bins USING (last_us)
WHERE events > 0
GROUP BY ALL
ORDER BY bin_us
