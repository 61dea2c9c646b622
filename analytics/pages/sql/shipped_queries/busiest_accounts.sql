-- Busiest accounts
-- Which accounts cause most notifications in 30 days, with all accounts below them counted too.
SELECT
    accounts.alias,
    accounts.business_name,
    accounts.sender,
    count(*) FILTER (WHERE events.account_alias = accounts.alias) AS own,
    count(*) AS with_sub_accounts
FROM accounts
JOIN (
    SELECT events.sender, events.account_alias, unnest(owner.root_path) AS above
    FROM events
    JOIN accounts AS owner ON owner.sender = events.sender AND owner.alias = events.account_alias
    WHERE events.received_at > now() - INTERVAL 30 DAY
) AS events ON events.sender = accounts.sender AND events.above = accounts.alias
GROUP BY accounts.alias, accounts.business_name, accounts.sender
ORDER BY own DESC, with_sub_accounts DESC
LIMIT 50
