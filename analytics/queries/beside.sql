-- The counts of a time and of the one it is compared with; a part of other queries.
    count(*) FILTER (WHERE received_at >= $since::TIMESTAMPTZ AND received_at < $until::TIMESTAMPTZ) AS events,
    count(*) FILTER (WHERE received_at >= $before_since::TIMESTAMPTZ AND received_at < $before_until::TIMESTAMPTZ) AS events_before
