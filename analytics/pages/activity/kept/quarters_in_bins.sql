-- The kept counts by quarter hour, each with the bin in which it lies; a part of other queries. A join with the quarter
-- hours of each bin is three times as fast as a search for the bin.
    FROM (
        SELECT event_type, category, number, epoch_us(received_at) AS begin_us
        -- include quarters.sql
            AND received_at >= $since::TIMESTAMPTZ AND received_at < $until::TIMESTAMPTZ
    )
    JOIN (
        SELECT last_us, unnest(range(bin_us, least(last_us, epoch_us($until::TIMESTAMPTZ)) + 1, 900000000)) AS begin_us FROM bins
    ) USING (begin_us)
