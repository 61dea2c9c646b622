-- The number of the last batch of which, and of all before it, every row is stored.
SELECT coalesce(
    (
        SELECT min(first_new.number) - 1
        FROM clc_spool.positions
        LEFT JOIN unnest(%(segments)s::TEXT[], %(kinds)s::TEXT[], %(positions)s::BIGINT[])
            AS stored (segment, kind, position)
            USING (segment, kind)
        CROSS JOIN LATERAL (
            SELECT number
            FROM clc_spool.batches
            WHERE
                batches.segment = positions.segment
                AND batches.kind = positions.kind
                AND batches.last > coalesce(position, 0)
            ORDER BY batches.last
            LIMIT 1
        ) AS first_new
        WHERE positions.last > coalesce(position, 0)
    ),
    (SELECT number FROM clc_spool.counter)
);
