-- What changes most
-- Which fields change most often in 30 days, and by how many actors: what people really do with their servers and accounts.
SELECT
    sender,
    category,
    regexp_replace(path, '\[("([^"\\]|\\.)*"|[^\]]*)\]', '[…]', 'g') AS field,
    count(*) AS changes,
    count(DISTINCT entity_id) AS entities,
    -- Letter case does not tell CenturyLink's names apart: groß is GROSS.
    count(DISTINCT if(sender = 'centurylink', upper(replace(actor, 'ß', 'ss')), actor)) AS actors
FROM changes
WHERE NOT noise AND path <> '' AND changed_at > now() - INTERVAL 30 DAY
GROUP BY sender, category, field
ORDER BY changes DESC
LIMIT 50
