-- Servers by data centre
-- How many servers are there now in each data centre, and how much they have together.
SELECT
    upper(payload ->> 'locationId') AS data_center,
    count(*) AS servers,
    sum(TRY_CAST(payload ->> '$.details.cpu' AS INTEGER)) AS cpus,
    round(sum(TRY_CAST(payload ->> '$.details.memoryMB' AS INTEGER)) / 1024) AS memory_gb,
    sum(TRY_CAST(payload ->> '$.details.storageGB' AS DECIMAL(18, 3)))::DOUBLE AS storage_gb
FROM entities
WHERE category = 'Server' AND NOT deleted
GROUP BY data_center
ORDER BY servers DESC
