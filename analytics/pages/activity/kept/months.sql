-- The kept counts of the chosen months, and of those to compare with; a part of other queries.
        name,
        array_inner_product(months, now) AS events,
        array_inner_product(months, before) AS events_before -- if $months_before
        0 AS events_before -- if $nothing_before
    FROM counts_by_year
    JOIN (
        SELECT
            unnest($months_before::DOUBLE[12][]) AS before, -- if $months_before
            unnest($years::BIGINT[]) AS year, unnest($months_now::DOUBLE[12][]) AS now
    ) USING (year)
    WHERE $kept_seq =
        -- include last_kept.sql
        AND sender = $sender -- if $sender
