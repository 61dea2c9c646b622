-- Servers with a public address
-- Which servers can be reached from the internet now, under which address, and who changed them last.
SELECT
    entity_id AS server,
    account_alias AS account,
    public_address,
    payload ->> '$.changeInfo.modifiedBy' AS changed_by,
    last_received_at AS changed_at
FROM (
    SELECT
        *,
        -- An odd body has an object instead of a list. The form of 2013 lists public and internal addresses alike.
        unnest(list_distinct(list_concat(
            payload ->> '$.details.ipAddresses[*].public',
            [payload ->> '$.details.ipAddresses.public'],
            payload ->> '$.details.secondaryIPAddresses[*].public',
            [payload ->> '$.details.secondaryIPAddresses.public'],
            list_filter(
                payload ->> '$.ipAddresses[*].address',
                lambda address: regexp_full_match(address, '[0-9]+[.][0-9]+[.][0-9]+[.][0-9]+|[0-9a-fA-F.]*:[0-9a-fA-F:.]*')
                    AND NOT regexp_matches(
                        lower(address),
                        '^(10[.]|192[.]168[.]|172[.](1[6-9]|2[0-9]|3[01])[.]|169[.]254[.]|f[cd][0-9a-f]{2}:|fe[89ab][0-9a-f]:)'
                    )
            )
        ))) AS public_address
    FROM entities
    WHERE sender = 'centurylink' AND category = 'Server' AND NOT deleted
)
WHERE public_address <> ''
ORDER BY changed_at DESC
