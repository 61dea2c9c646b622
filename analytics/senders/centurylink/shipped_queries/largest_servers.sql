-- Largest servers
-- The servers with most memory now, with their CPUs, storage and power state.
SELECT
    entity_id AS server,
    account_alias AS account,
    -- The form of 2013 has no details: their fields are the body's own.
    TRY_CAST(coalesce(payload ->> '$.details.memoryMB', payload ->> '$.memoryMB') AS INTEGER) // 1024 AS memory_gb,
    TRY_CAST(coalesce(payload ->> '$.details.cpu', payload ->> '$.cpu') AS INTEGER) AS cpus,
    TRY_CAST(coalesce(payload ->> '$.details.storageGB', payload ->> '$.storageGB') AS DECIMAL(18, 3))::DOUBLE AS storage_gb,
    coalesce(payload ->> '$.details.powerState', payload ->> '$.powerState') AS power_state
FROM entities
WHERE sender = 'centurylink' AND category = 'Server' AND NOT deleted
ORDER BY memory_gb DESC NULLS LAST, cpus DESC NULLS LAST
LIMIT 50
