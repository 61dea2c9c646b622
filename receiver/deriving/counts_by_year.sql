-- The counts of the years in which some notifications lie, with these added: of each account, actor and entity by month.
CREATE OR REPLACE TEMP TABLE fresh_years AS
WITH by_day AS (
    SELECT
        DATE '1970-01-01' + (epoch_us(received_at) // 86400000000)::INTEGER AS day,
        sender, category, account_alias, actor, entity_id, count(*) AS number
    FROM events
    WHERE seq > $after AND seq <= $last
    GROUP BY ALL
), dated AS (
    SELECT year(day) AS year, month(day) AS month, * EXCLUDE (day) FROM by_day
), names AS (
    SELECT year, month, 'account' AS what, sender, NULL::VARCHAR AS category, account_alias AS name, number
    FROM dated
    UNION ALL
    SELECT year, month, 'actor', sender, NULL, actor, number FROM dated
    UNION ALL
    SELECT year, month, 'entity', sender, category, entity_id, number FROM dated
    UNION ALL
    SELECT year, unnest(range(1, 13)), what, sender, category, name, unnest(months::DOUBLE[])
    FROM counts_by_year
    WHERE year IN (SELECT year FROM dated)
)
SELECT
    year, what, sender, category, name,
    array_value(
        coalesce(sum(number) FILTER (month = 1), 0),
        coalesce(sum(number) FILTER (month = 2), 0),
        coalesce(sum(number) FILTER (month = 3), 0),
        coalesce(sum(number) FILTER (month = 4), 0),
        coalesce(sum(number) FILTER (month = 5), 0),
        coalesce(sum(number) FILTER (month = 6), 0),
        coalesce(sum(number) FILTER (month = 7), 0),
        coalesce(sum(number) FILTER (month = 8), 0),
        coalesce(sum(number) FILTER (month = 9), 0),
        coalesce(sum(number) FILTER (month = 10), 0),
        coalesce(sum(number) FILTER (month = 11), 0),
        coalesce(sum(number) FILTER (month = 12), 0)
    )::DOUBLE[12] AS months
FROM names
WHERE name IS NOT NULL AND number > 0
GROUP BY ALL
ORDER BY ALL;
