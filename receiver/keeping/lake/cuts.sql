-- The keys of the last row of each of the parts of so many rows, but not of the last part.
SELECT key_entity, epoch_us(key_time) AS key_time, key_tie
FROM (
    SELECT
        key_entity,
        key_time,
        key_tie,
        row_number() OVER (ORDER BY key_entity, key_time, key_tie) AS place,
        count(*) OVER () AS all_rows
    FROM (/* rows */) AS rows
    WHERE /* part */
)
WHERE place % $rows_per_part = 0 AND place < all_rows
ORDER BY place
