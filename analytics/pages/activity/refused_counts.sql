-- Refused notifications of the last day and of the day before.
SELECT
    count(*) FILTER (WHERE received_at >= $now::TIMESTAMPTZ - INTERVAL 24 HOURS) AS day,
    count(*) FILTER (WHERE received_at < $now::TIMESTAMPTZ - INTERVAL 24 HOURS) AS day_before
FROM rejected
WHERE received_at >= $now::TIMESTAMPTZ - INTERVAL 48 HOURS AND received_at < $now::TIMESTAMPTZ
