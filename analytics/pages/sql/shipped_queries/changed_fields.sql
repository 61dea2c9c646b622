-- What changes most
-- Which fields change most often in 30 days, and by how many actors: what people really do with their servers and accounts.
SELECT
    category,
    regexp_replace(path, '\[[^\]]*\]', '[…]', 'g') AS field,
    count(*) AS changes,
    count(DISTINCT (sender, entity_id)) AS entities,
    count(DISTINCT upper(actor)) AS actors
FROM changes
WHERE NOT noise AND path <> '' AND changed_at > now() - INTERVAL 30 DAY
GROUP BY category, field
ORDER BY changes DESC
LIMIT 50
