-- Counts of a column's values, the smallest and the largest as text, and a histogram of 30 bins between them.
SELECT
    count(*) AS seen,
    count(value) AS filled,
    approx_count_distinct(value) AS differing,
    min(value)::VARCHAR AS smallest,
    max(value)::VARCHAR AS largest,
    (
        SELECT list({begins: low + part * width, ends: low + (part + 1) * width, number: number} ORDER BY part)
        FROM (
            SELECT
                least(coalesce(floor((number - low) / nullif(width, 0)), 0), 29) AS part,
                any_value(low) AS low,
                any_value(width) AS width,
                count(*) AS number
            FROM sampled
            JOIN (
                SELECT min(number) AS low, (max(number) - min(number)) / 30 AS width
                FROM sampled
                WHERE isfinite(number)
            ) AS bounds ON isfinite(sampled.number)
            GROUP BY part
        )
    ) AS parts
FROM sampled
