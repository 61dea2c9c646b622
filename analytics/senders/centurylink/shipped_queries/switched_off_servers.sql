-- Servers that are switched off
-- What is kept and paid for but does not run: stopped or paused servers by account, with the storage that they hold, and since when
-- the first of them has been off.
WITH switched_off AS (
    SELECT
        account_alias,
        entity_id,
        lower(coalesce(payload ->> '$.details.powerState', payload ->> '$.powerState')) AS power_state,
        -- The form of 2013 has no details: their fields are the body's own.
        TRY_CAST(coalesce(payload ->> '$.details.storageGB', payload ->> '$.storageGB') AS DECIMAL(18, 3)) AS storage_gb,
        first_received_at
    FROM entities
    WHERE sender = 'centurylink' AND category = 'Server' AND NOT deleted AND power_state IN ('stopped', 'paused')
),
-- A server whose power state never changed has been off since it was first there, or there again after its deletion.
since AS (
    SELECT entity_id, max(changed_at) AS off_since
    FROM changes
    WHERE sender = 'centurylink' AND category = 'Server' AND entity_id IN (SELECT entity_id FROM switched_off)
        AND (
            (path = '' AND kind = 'added')
            OR (
                path = 'details.powerState' AND NOT noise
                AND lower(new_value ->> '$') IN ('stopped', 'paused')
                AND coalesce(lower(old_value ->> '$'), '') NOT IN ('stopped', 'paused')
            )
        )
    GROUP BY entity_id
)
SELECT
    account_alias AS account,
    power_state,
    count(*) AS servers,
    sum(storage_gb)::DOUBLE AS storage_gb,
    min(coalesce(off_since, first_received_at)) AS longest_since
FROM switched_off
LEFT JOIN since USING (entity_id)
GROUP BY account, power_state
ORDER BY storage_gb DESC
