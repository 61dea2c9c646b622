-- The accounts among some that notifications name, as their own or as another's parent.
SELECT account_alias AS alias
FROM notifications
WHERE account_alias IS NOT NULL
    AND list_contains($accounts::VARCHAR[], account_alias) -- if $accounts
UNION
SELECT alias
FROM accounts
WHERE true
    AND list_contains($accounts::VARCHAR[], alias) -- if $accounts
