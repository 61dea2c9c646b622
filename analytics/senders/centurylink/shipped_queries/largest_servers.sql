-- Largest servers
-- The servers with most memory now, with their CPUs, storage and power state.
SELECT
    entity_id AS server,
    account_alias AS account,
    (payload ->> '$.details.memoryMB')::INTEGER // 1024 AS memory_gb,
    (payload ->> '$.details.cpu')::INTEGER AS cpus,
    (payload ->> '$.details.storageGB')::DOUBLE AS storage_gb,
    payload ->> '$.details.powerState' AS power_state
FROM entities
WHERE category = 'Server' AND NOT deleted
ORDER BY memory_gb DESC NULLS LAST, cpus DESC
LIMIT 50
