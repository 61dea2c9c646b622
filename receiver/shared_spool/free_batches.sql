-- Delete the oldest batches that can go, up to some number of rows, and return their rows: the positions of a segment
-- and kind follow each other, over all batches.
WITH going AS (
    DELETE FROM clc_spool.batches
    WHERE
        number <= (SELECT least(min(coalesce(checkpointed, 0)), max(coalesce(backed_up, 0))) FROM clc_spool.nodes)
        AND rows_before < (SELECT rows_before FROM clc_spool.batches ORDER BY number LIMIT 1) + %s
    RETURNING segment, kind, first, last
)
SELECT segment, kind, min(first), max(last)
FROM going
GROUP BY segment, kind
ORDER BY segment, kind;
