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
        -- An odd body has an object instead of a list.
        unnest(list_concat(
            payload ->> '$.details.ipAddresses[*].public',
            [payload ->> '$.details.ipAddresses.public'],
            payload ->> '$.details.secondaryIPAddresses[*].public',
            [payload ->> '$.details.secondaryIPAddresses.public']
        )) AS public_address
    FROM entities
    WHERE category = 'Server' AND NOT deleted
)
WHERE public_address <> ''
ORDER BY changed_at DESC
