-- Servers by data centre
-- How many servers are there now in each data centre, and how much they have together.
SELECT
    -- The form of 2013 has another name for the data centre, and no details: their fields are the body's own.
    upper(coalesce(payload ->> 'locationId', payload ->> 'locationAlias')) AS data_center,
    count(*) AS servers,
    sum(TRY_CAST(coalesce(payload ->> '$.details.cpu', payload ->> '$.cpu') AS INTEGER)) AS cpus,
    round(sum(TRY_CAST(coalesce(payload ->> '$.details.memoryMB', payload ->> '$.memoryMB') AS INTEGER)) / 1024) AS memory_gb,
    sum(TRY_CAST(coalesce(payload ->> '$.details.storageGB', payload ->> '$.storageGB') AS DECIMAL(18, 3)))::DOUBLE AS storage_gb
FROM entities
WHERE sender = 'centurylink' AND category = 'Server' AND NOT deleted
GROUP BY data_center
ORDER BY servers DESC
