-- Events by hour of the week (0 is Monday's first hour) in a time zone, which is `ahead_us` of UTC from `begins` on. They
-- are counted by quarter hours of UTC's week, and only these move to the zone: five times as fast as moving each event.
WITH clocks AS (
    SELECT unnest($ahead_us::BIGINT[]) AS ahead_us, unnest(
        -- include lasts.sql
    ) AS last_us
), counted AS (
    SELECT epoch_us(received_at) // 900000000 % 672 AS quarter, histogram(
        epoch_us(received_at),
        -- include lasts.sql
    ) AS bars
    -- include counted.sql
    WHERE received_at >= $since::TIMESTAMPTZ AND received_at < $until::TIMESTAMPTZ
        -- include of_activity.sql
    GROUP BY quarter
), bars AS (
    SELECT quarter, unnest(map_keys(bars)) AS last_us, unnest(map_values(bars)) AS events
    FROM counted
    UNION ALL -- if $kept
    SELECT begin_us // 900000000 % 672, last_us, sum(number) -- if $kept
    -- include quarters_of_clocks.sql -- if $kept
    GROUP BY ALL -- if $kept
)
SELECT
    -- A week is added first, because west of Greenwich the hour would be negative. 1970 began on a Thursday.
    ((quarter * 900000000 + ahead_us + 604800000000) // 3600000000 + 72) % 168 AS hour_of_week,
    sum(events)::BIGINT AS events
FROM bars JOIN clocks USING (last_us)
WHERE events > 0
GROUP BY ALL
ORDER BY hour_of_week
