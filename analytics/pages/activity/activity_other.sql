-- The measure that the page does not draw, in a time and in the time to compare with.
SELECT
    -- include beside.sql
-- include counted.sql
WHERE received_at >= $counted_since::TIMESTAMPTZ AND received_at < $counted_until::TIMESTAMPTZ
    -- include of_activity.sql
