-- The accounts among some that notifications name, as their own or as another's parent, in upper case.
SELECT as_entity_id(account_alias) AS alias
FROM notifications
WHERE account_alias IS NOT NULL
    AND list_contains($accounts::VARCHAR[], as_entity_id(account_alias)) -- if $accounts
UNION
SELECT as_entity_id(alias)
FROM accounts
WHERE true
    AND list_contains($accounts::VARCHAR[], as_entity_id(alias)) -- if $accounts
