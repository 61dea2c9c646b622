-- Who changes most
-- Actors by the fields that they changed in 30 days, in how many entities and accounts: servers, and whatever other senders
-- name an actor of. One of CenturyLink's names in two letter cases is one actor, as are groß and GROSS.
SELECT
    sender,
    max(actor) AS actor,
    count(DISTINCT (category, entity_id)) AS entities,
    count(*) AS changed_fields,
    count(DISTINCT account_alias) AS accounts,
    max(changed_at) AS latest
FROM changes
WHERE actor IS NOT NULL AND NOT noise AND path <> '' AND changed_at > now() - INTERVAL 30 DAY
GROUP BY sender, if(sender = 'centurylink', upper(replace(actor, 'ß', 'ss')), actor)
ORDER BY changed_fields DESC
LIMIT 50
