-- Each node, with how far it is behind; the batch after its last one tells since when. A node without a store is not
-- behind, and lacks nothing.
SELECT
    node,
    name,
    version,
    role,
    extract(EPOCH FROM clock_timestamp() - seen_at)::DOUBLE PRECISION AS unseen_seconds,
    counter.rows - coalesce(next.rows_before, counter.rows) AS rows_behind,
    coalesce(extract(EPOCH FROM clock_timestamp() - next.put_at), 0)::DOUBLE PRECISION AS seconds_behind,
    coalesce(checkpointed, 0) AS checkpointed,
    coalesce(backed_up, 0) AS backed_up,
    role <> 'listener' AND coalesce(stored, 0) < coalesce(oldest.number - 1, counter.number) AS lacks_rows,
    clock_ahead
FROM clc_spool.nodes
CROSS JOIN clc_spool.counter
LEFT JOIN LATERAL (
    SELECT rows_before, put_at
    FROM clc_spool.batches
    WHERE nodes.role <> 'listener' AND number > coalesce(stored, 0)
    ORDER BY number
    LIMIT 1
) AS next ON true
LEFT JOIN LATERAL (SELECT min(number) AS number FROM clc_spool.batches) AS oldest ON true
ORDER BY name, node;
