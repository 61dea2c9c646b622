-- New accounts and their first servers
-- Accounts made in the last 30 days with the servers made in each one's first day: many at once may be a fraudulent sign-up.
WITH made AS (
    SELECT sender, entity_id AS alias, min(least(occurred_at, received_at)) AS made_at
    FROM events
    WHERE sender = 'centurylink' AND category = 'Account' AND action = 'Created' AND received_at > now() - INTERVAL 30 DAY
    GROUP BY sender, entity_id
)
SELECT
    made.alias,
    accounts.business_name,
    accounts.parent_alias,
    made.made_at,
    count(DISTINCT events.entity_id) AS servers_in_first_day
FROM made
LEFT JOIN accounts ON accounts.sender = made.sender AND accounts.alias = made.alias
LEFT JOIN events
    ON events.sender = made.sender AND events.account_alias = made.alias
    AND events.category = 'Server' AND events.action = 'Created'
    AND least(events.occurred_at, events.received_at) BETWEEN made.made_at AND made.made_at + INTERVAL 1 DAY
GROUP BY made.alias, accounts.business_name, accounts.parent_alias, made.sender, made.made_at
ORDER BY servers_in_first_day DESC, made.made_at DESC
