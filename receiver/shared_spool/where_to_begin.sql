-- The number of the last batch of which, and of all before it, every row is stored.
SELECT coalesce(
    (
        SELECT min(number) - 1
        FROM clc_spool.batches
        LEFT JOIN unnest(%(segments)s::TEXT[], %(kinds)s::TEXT[], %(positions)s::BIGINT[])
            AS stored (segment, kind, position)
            USING (segment, kind)
        WHERE last > coalesce(position, 0)
    ),
    (SELECT number FROM clc_spool.counter)
);
