-- Kept refused notifications in a time and in the time to compare with, and whether none of these were deleted: of each reason,
-- the oldest go to make room, so it is whole from its oldest on.
SELECT
    coalesce(bool_and(oldest < $counted_since::TIMESTAMPTZ), true) AS is_whole,
    -- include beside.sql
FROM rejected
JOIN (SELECT reason, min(received_at) AS oldest FROM rejected GROUP BY reason) USING (reason)
WHERE received_at >= $counted_since::TIMESTAMPTZ AND received_at < $counted_until::TIMESTAMPTZ
