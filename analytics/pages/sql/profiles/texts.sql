-- Counts of a column's values, the smallest and the largest as text, and the most frequent.
SELECT
    count(*) AS seen,
    count(value) AS filled,
    approx_count_distinct(value) AS differing,
    left(min(value)::VARCHAR, 200) AS smallest,
    left(max(value)::VARCHAR, 200) AS largest,
    (
        SELECT list({name: name, number: number} ORDER BY number DESC, name)
        FROM (
            SELECT left(value::VARCHAR, 200) AS name, count(*) AS number
            FROM sampled
            WHERE value IS NOT NULL
            GROUP BY name
            ORDER BY number DESC, name
            LIMIT 10
        )
    ) AS parts
FROM sampled
