-- Events a bin and event type. Bins begin at the moments given (microseconds since 1970, in their order); empty ones are
-- left out.
WITH bins AS (
    SELECT unnest($begins::BIGINT[]) AS bin_us
), counted AS (
    SELECT epoch_us(received_at) AS at_us, coalesce(event_type, category) AS event_type
    FROM events
    WHERE received_at >= $since::TIMESTAMPTZ AND received_at < $until::TIMESTAMPTZ
        -- include of_activity.sql
)
SELECT bin_us, event_type, count(*) AS events
FROM counted ASOF JOIN bins ON at_us >= bin_us
GROUP BY ALL
ORDER BY bin_us, event_type
