-- The counts of a time and of the time to compare with, if there is one; a part of other queries.
    count_if(received_at >= $since::TIMESTAMPTZ AND received_at < $until::TIMESTAMPTZ)::BIGINT AS events, -- if $before_since
    count_if(received_at >= $before_since::TIMESTAMPTZ AND received_at < $before_until::TIMESTAMPTZ)::BIGINT AS events_before -- if $before_since
    count(*) AS events, 0::BIGINT AS events_before -- if $alone
