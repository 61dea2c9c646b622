-- How many rows are deleted and not stored here.
SELECT coalesce(sum(last - coalesce(position, 0)), 0)::BIGINT
FROM clc_spool.freed
LEFT JOIN unnest(%(segments)s::TEXT[], %(kinds)s::TEXT[], %(positions)s::BIGINT[])
    AS stored (segment, kind, position)
    USING (segment, kind)
WHERE last > coalesce(position, 0);
