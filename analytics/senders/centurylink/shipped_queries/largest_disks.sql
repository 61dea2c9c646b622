-- Largest disks
-- The largest disks that are attached to servers now.
SELECT
    entity_id AS server,
    account_alias AS account,
    disk ->> 'id' AS disk,
    TRY_CAST(disk ->> 'sizeGB' AS DECIMAL(18, 3))::DOUBLE AS size_gb
FROM (
    SELECT *, unnest(from_json(payload -> '$.details.disks', '["JSON"]')) AS disk
    FROM entities
    WHERE sender = 'centurylink' AND category = 'Server' AND NOT deleted
)
ORDER BY size_gb DESC NULLS LAST
LIMIT 50
