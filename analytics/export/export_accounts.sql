-- The accounts among some that notifications name, as their own or as another's parent, in upper case.
SELECT upper(account_alias) AS alias
FROM notifications
WHERE account_alias IS NOT NULL
    AND list_contains($accounts::VARCHAR[], upper(account_alias)) -- if $accounts
UNION
SELECT upper(alias)
FROM accounts
WHERE true
    AND list_contains($accounts::VARCHAR[], upper(alias)) -- if $accounts
