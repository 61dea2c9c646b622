-- The kept counts of the chosen months, and of those to compare with; a part of other queries. To look a year's months up is a
-- quarter faster than a join with them, which copies them to each row.
        name,
        array_inner_product(months, ($months_now::DOUBLE[12][])[year - $first_year + 1]) AS events,
        array_inner_product(months, ($months_before::DOUBLE[12][])[year - $first_year + 1]) AS events_before -- if $months_before
        0 AS events_before -- if $nothing_before
    FROM counts_by_year
    WHERE year >= $first_year AND year < $first_year + len($months_now::DOUBLE[12][])
        AND $kept_seq =
        -- include last_kept.sql
        AND sender = $sender -- if $sender
        AND NOT list_contains($without_senders::VARCHAR[], sender) -- if $without_senders
