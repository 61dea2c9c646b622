-- Servers that are switched off
-- What is kept and paid for but does not run: stopped or paused servers by account, with the storage that they hold.
SELECT
    account_alias AS account,
    lower(coalesce(payload ->> '$.details.powerState', payload ->> '$.powerState')) AS power_state,
    count(*) AS servers,
    -- The form of 2013 has no details: their fields are the body's own.
    sum(TRY_CAST(coalesce(payload ->> '$.details.storageGB', payload ->> '$.storageGB') AS DECIMAL(18, 3)))::DOUBLE AS storage_gb,
    min(last_received_at) AS longest_since
FROM entities
WHERE sender = 'centurylink' AND category = 'Server' AND NOT deleted AND power_state IN ('stopped', 'paused')
GROUP BY account, power_state
ORDER BY storage_gb DESC
