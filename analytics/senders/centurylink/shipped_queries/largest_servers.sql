-- Largest servers
-- The servers with most memory now, with their CPUs, storage and power state.
SELECT
    entity_id AS server,
    account_alias AS account,
    TRY_CAST(payload ->> '$.details.memoryMB' AS INTEGER) // 1024 AS memory_gb,
    TRY_CAST(payload ->> '$.details.cpu' AS INTEGER) AS cpus,
    TRY_CAST(payload ->> '$.details.storageGB' AS DECIMAL(18, 3))::DOUBLE AS storage_gb,
    payload ->> '$.details.powerState' AS power_state
FROM entities
WHERE category = 'Server' AND NOT deleted
ORDER BY memory_gb DESC NULLS LAST, cpus DESC NULLS LAST
LIMIT 50
