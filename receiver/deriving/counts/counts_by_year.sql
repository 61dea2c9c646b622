-- The counts of the years in which some notifications lie, with these added: of each account, actor and entity by month.
-- Adding to each row takes less time than grouping old and new ones together. Readers group rows in order of names faster.
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
), fresh AS MATERIALIZED (
    SELECT
        year, what, sender, category, name,
        array_value(
        coalesce(sum(number) FILTER (month = 1), 0), coalesce(sum(number) FILTER (month = 2), 0),
        coalesce(sum(number) FILTER (month = 3), 0), coalesce(sum(number) FILTER (month = 4), 0),
        coalesce(sum(number) FILTER (month = 5), 0), coalesce(sum(number) FILTER (month = 6), 0),
        coalesce(sum(number) FILTER (month = 7), 0), coalesce(sum(number) FILTER (month = 8), 0),
        coalesce(sum(number) FILTER (month = 9), 0), coalesce(sum(number) FILTER (month = 10), 0),
        coalesce(sum(number) FILTER (month = 11), 0), coalesce(sum(number) FILTER (month = 12), 0)
        )::DOUBLE[12] AS months
    FROM names
    WHERE name IS NOT NULL
    GROUP BY ALL
)
SELECT
    kept.* REPLACE (array_value(
        kept.months[1] + coalesce(fresh.months[1], 0), kept.months[2] + coalesce(fresh.months[2], 0),
        kept.months[3] + coalesce(fresh.months[3], 0), kept.months[4] + coalesce(fresh.months[4], 0),
        kept.months[5] + coalesce(fresh.months[5], 0), kept.months[6] + coalesce(fresh.months[6], 0),
        kept.months[7] + coalesce(fresh.months[7], 0), kept.months[8] + coalesce(fresh.months[8], 0),
        kept.months[9] + coalesce(fresh.months[9], 0), kept.months[10] + coalesce(fresh.months[10], 0),
        kept.months[11] + coalesce(fresh.months[11], 0), kept.months[12] + coalesce(fresh.months[12], 0)
    ) AS months)
FROM counts_by_year AS kept
LEFT JOIN fresh
    ON fresh.year = kept.year AND fresh.what = kept.what AND fresh.name = kept.name
        AND fresh.sender IS NOT DISTINCT FROM kept.sender AND fresh.category IS NOT DISTINCT FROM kept.category
WHERE kept.year IN (SELECT year FROM fresh)
UNION ALL
FROM fresh
ANTI JOIN counts_by_year AS kept
    ON fresh.year = kept.year AND fresh.what = kept.what AND fresh.name = kept.name
        AND fresh.sender IS NOT DISTINCT FROM kept.sender AND fresh.category IS NOT DISTINCT FROM kept.category
ORDER BY what, name;
