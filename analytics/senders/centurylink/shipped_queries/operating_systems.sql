-- Operating systems
-- How many servers run which operating system now, and in how many accounts.
SELECT
    payload ->> 'osType' AS operating_system,
    count(*) AS servers,
    count(DISTINCT account_alias) AS accounts
FROM entities
WHERE sender = 'centurylink' AND category = 'Server' AND NOT deleted
GROUP BY operating_system
ORDER BY servers DESC, operating_system
