-- Who changes most
-- Actors by the servers that they changed and the fields that they changed, in 30 days. Only servers name an actor.
SELECT
    actor,
    count(DISTINCT entity_id) AS servers,
    count(*) AS changed_fields,
    count(DISTINCT account_alias) AS accounts,
    max(changed_at) AS latest
FROM changes
WHERE actor IS NOT NULL AND NOT noise AND changed_at > now() - INTERVAL 30 DAY
GROUP BY actor
ORDER BY changed_fields DESC
LIMIT 50
