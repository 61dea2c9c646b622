-- The rows whose values lie in damaged blocks, a line for each row group: their places in the table from 0, the columns, the
-- blocks. Parameters: the numbers of the damaged blocks, the table.
WITH damaged AS (
    SELECT ?::BIGINT[] AS blocks
),
segments AS (
    SELECT
        row_group_id,
        column_name,
        "start",
        "start" + "count" AS "end",
        list_prepend(block_id, additional_block_ids) AS blocks
    FROM pragma_storage_info(?)
    WHERE persistent
),
groups AS (
    SELECT row_group_id, coalesce(sum(max("end")) OVER earlier, 0) AS first_row
    FROM segments
    GROUP BY row_group_id
    WINDOW earlier AS (ORDER BY row_group_id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
)
SELECT
    min(first_row + "start")::BIGINT AS first_row,
    max(first_row + "end" - 1)::BIGINT AS last_row,
    list_sort(list(DISTINCT column_name)) AS columns,
    list_sort(list_distinct(flatten(list(list_intersect(segments.blocks, damaged.blocks))))) AS blocks
FROM segments
JOIN groups USING (row_group_id)
JOIN damaged ON list_has_any(segments.blocks, damaged.blocks)
GROUP BY row_group_id
ORDER BY row_group_id;
