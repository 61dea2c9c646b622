-- Events a bin in the time compared with, which lies `shift_us` before; bins are as in activity_bins.
WITH bins AS (
    SELECT unnest($begins::BIGINT[]) AS bin_us
), counted AS (
    SELECT epoch_us(received_at) + $shift_us::BIGINT AS at_us
    FROM events
    WHERE received_at >= $before_since::TIMESTAMPTZ AND received_at < $before_until::TIMESTAMPTZ
        -- include of_activity.sql
)
SELECT bin_us, count(*) AS events
FROM counted ASOF JOIN bins ON at_us >= bin_us
GROUP BY ALL
ORDER BY bin_us
