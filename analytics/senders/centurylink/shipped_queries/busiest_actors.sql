-- Who changes most
-- Actors by the fields that they changed in 30 days, in how many entities and accounts: servers, and whatever other senders
-- name an actor of. A name in two letter cases is one actor.
SELECT
    max(actor) AS actor,
    count(DISTINCT (sender, category, entity_id)) AS entities,
    count(*) AS changed_fields,
    count(DISTINCT (sender, account_alias)) FILTER (account_alias IS NOT NULL) AS accounts,
    max(changed_at) AS latest
FROM changes
WHERE actor IS NOT NULL AND NOT noise AND path <> '' AND changed_at > now() - INTERVAL 30 DAY
GROUP BY upper(actor)
ORDER BY changed_fields DESC
LIMIT 50
