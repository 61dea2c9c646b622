-- The kept counts by quarter hour of the week, each with the clock that was in use; a part of other queries.
    FROM (
        SELECT epoch_us(received_at) AS begin_us, sum(number) AS number
        -- include quarters.sql
            AND received_at >= $since::TIMESTAMPTZ AND received_at < $until::TIMESTAMPTZ
        GROUP BY ALL
    )
    JOIN (SELECT last_us, lag(last_us, 1, -1) OVER (ORDER BY last_us) AS after_us FROM clocks)
        ON begin_us > after_us AND begin_us <= last_us
