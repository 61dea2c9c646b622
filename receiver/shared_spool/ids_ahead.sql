-- The ids of the rows beyond positions of segments, found by the key of the rows. A damaged id names none.
SELECT id
FROM clc_spool.positions
LEFT JOIN unnest(%(segments)s::TEXT[], %(kinds)s::TEXT[], %(positions)s::BIGINT[])
    AS stored (segment, kind, position)
    USING (segment, kind)
CROSS JOIN LATERAL (
    SELECT id
    FROM clc_spool.rows
    WHERE
        rows.segment = positions.segment
        AND rows.kind = positions.kind
        AND rows.position > coalesce(stored.position, 0)
        AND octet_length(id) = 16
) AS ahead
WHERE positions.last > coalesce(stored.position, 0);
