-- Delete the oldest batches that can go, up to some number of rows, and return their rows: the positions of a segment
-- and kind follow each other, over all batches. No batch goes before one of a lower number, and none while no node has a
-- store. A node without one needs no rows.
WITH next AS (
    SELECT number, rows_before, put_at
    FROM clc_spool.batches
    ORDER BY number
    LIMIT %(rows)s
),
going AS (
    DELETE FROM clc_spool.batches
    WHERE
        number <= (
            SELECT
                least(
                    coalesce(min(coalesce(checkpointed, 0)) FILTER (WHERE role <> 'listener'), 0),
                    max(coalesce(backed_up, 0))
                )
            FROM clc_spool.nodes
        )
        AND number <= (SELECT max(number) FROM next WHERE rows_before < (SELECT min(rows_before) FROM next) + %(rows)s)
        AND number < (
            SELECT coalesce(min(number), 9223372036854775807)
            FROM next
            WHERE put_at > clock_timestamp() - make_interval(secs => %(seconds)s)
        )
    RETURNING segment, kind, first, last
)
SELECT segment, kind, min(first), max(last)
FROM going
GROUP BY segment, kind
ORDER BY segment, kind;
