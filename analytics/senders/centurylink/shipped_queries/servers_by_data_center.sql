-- Servers by data centre
-- How many servers are there now in each data centre, and how much they have together.
SELECT
    upper(payload ->> 'locationId') AS data_center,
    count(*) AS servers,
    sum((payload ->> '$.details.cpu')::INTEGER) AS cpus,
    round(sum((payload ->> '$.details.memoryMB')::DOUBLE) / 1024) AS memory_gb,
    sum((payload ->> '$.details.storageGB')::DOUBLE) AS storage_gb
FROM entities
WHERE category = 'Server' AND NOT deleted
GROUP BY data_center
ORDER BY servers DESC
