-- Events an hour of the week (0 is Monday's first hour) of a time zone, which is `ahead_us` of UTC from `from_us` on.
WITH clocks AS (
    SELECT unnest($from_us::BIGINT[]) AS from_us, unnest($ahead_us::BIGINT[]) AS ahead_us
), counted AS (
    SELECT epoch_us(received_at) AS at_us
    FROM events
    WHERE received_at >= $since::TIMESTAMPTZ AND received_at < $until::TIMESTAMPTZ
        -- include of_activity.sql
)
SELECT ((at_us + ahead_us) // 3600000000 + 72) % 168 AS hour_of_week, count(*) AS events
FROM counted ASOF JOIN clocks ON at_us >= from_us
GROUP BY ALL
ORDER BY hour_of_week
