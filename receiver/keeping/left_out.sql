-- Rows that DuckDB refused were acknowledged, too.
WITH acknowledged AS (
    SELECT id, received_at FROM present.notifications
    UNION ALL
    SELECT id, received_at FROM present.rejected WHERE reason IN ('not_storable', 'damaged_in_spool')
),
left_out AS (
    SELECT received_at
    FROM acknowledged
    ANTI JOIN backup.notifications USING (id)
    ANTI JOIN (SELECT id FROM backup.rejected WHERE reason IN ('not_storable', 'damaged_in_spool')) AS refused USING (id)
    ANTI JOIN spooled USING (id)
),
refused_left_out AS (
    SELECT id
    FROM present.rejected
    ANTI JOIN backup.rejected USING (id)
    ANTI JOIN spooled USING (id)
    WHERE reason NOT IN ('not_storable', 'damaged_in_spool')
)
SELECT
    count(*),
    epoch_us(min(received_at)),
    epoch_us(max(received_at)),
    (SELECT coalesce(max(seq), 0) FROM present.notifications),
    (SELECT count(*) FROM refused_left_out)
FROM left_out
