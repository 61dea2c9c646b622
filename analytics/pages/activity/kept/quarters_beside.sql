-- The sums of kept counts in a time, and in the time to compare with if there is one; a part of other queries.
        coalesce(sum(number) FILTER (received_at >= $since::TIMESTAMPTZ AND received_at < $until::TIMESTAMPTZ), 0) AS events,
        coalesce(sum(number) FILTER ( -- if $before_since
            received_at >= $before_since::TIMESTAMPTZ AND received_at < $before_until::TIMESTAMPTZ -- if $before_since
        ), 0) AS events_before -- if $before_since
        0 AS events_before -- if $alone
