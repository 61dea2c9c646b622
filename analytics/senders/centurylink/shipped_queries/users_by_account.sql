-- Users by account
-- How many users each account has, and how many of them are disabled or deleted.
SELECT
    account_alias AS account,
    count(*) FILTER (status = 'active') AS active,
    count(*) FILTER (status = 'disabled') AS disabled,
    count(*) FILTER (status = 'deleted') AS deleted,
    max(last_received_at) AS latest
FROM (
    SELECT account_alias, if(deleted, 'deleted', lower(payload ->> 'status')) AS status, last_received_at
    FROM entities
    WHERE sender = 'centurylink' AND category = 'User'
)
GROUP BY account
ORDER BY active DESC, account
