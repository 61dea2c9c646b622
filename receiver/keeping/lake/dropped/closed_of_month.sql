-- How many of a month's notifications have changes that are never derived again.
SELECT count(*)
FROM (/* closed */)
JOIN notifications USING (seq)
WHERE received_at >= $begins::TIMESTAMPTZ AND received_at < $ends::TIMESTAMPTZ AND seq <= $last_seq
