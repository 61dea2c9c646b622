-- Users by account
-- How many users each account has, and how many of them are disabled or deleted.
SELECT
    account_alias AS account,
    count(*) FILTER (WHERE status = 'Active') AS active,
    count(*) FILTER (WHERE status = 'Disabled') AS disabled,
    count(*) FILTER (WHERE deleted OR status = 'Deleted') AS deleted,
    max(last_received_at) AS latest
FROM (
    SELECT account_alias, payload ->> 'status' AS status, deleted, last_received_at
    FROM entities
    WHERE category = 'User'
)
GROUP BY account
ORDER BY active DESC, account
