-- Refused notifications in a time and in the time to compare with.
SELECT
    -- include beside.sql
FROM rejected
WHERE received_at >= $counted_since::TIMESTAMPTZ AND received_at < $counted_until::TIMESTAMPTZ
