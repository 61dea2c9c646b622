-- Servers with a public address
-- Which servers can be reached from the internet now, under which address, and who changed them last.
SELECT
    entity_id AS server,
    account_alias AS account,
    address ->> 'public' AS public_address,
    payload ->> '$.changeInfo.modifiedBy' AS changed_by,
    last_received_at AS changed_at
FROM (
    SELECT *, unnest(from_json(payload -> '$.details.ipAddresses', '["JSON"]')) AS address
    FROM entities
    WHERE category = 'Server' AND NOT deleted
)
WHERE address ->> 'public' IS NOT NULL
ORDER BY changed_at DESC
