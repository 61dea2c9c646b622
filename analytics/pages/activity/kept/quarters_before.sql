-- The same of the time to compare with, which is `shift_us` earlier; a part of other queries.
    FROM (
        SELECT number, epoch_us(received_at) + $shift_us::BIGINT AS begin_us
        -- include quarters.sql
            AND received_at >= $before_since::TIMESTAMPTZ AND received_at < $before_until::TIMESTAMPTZ
    )
    JOIN (
        SELECT
            last_us,
            unnest(range(bin_us, least(last_us, epoch_us($before_until::TIMESTAMPTZ) + $shift_us::BIGINT) + 1, 900000000)) AS begin_us
        FROM bins
    ) USING (begin_us)
