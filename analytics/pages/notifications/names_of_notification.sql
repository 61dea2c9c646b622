-- Of which entity and account a notification is, and who caused it.
SELECT category, entity_id, account_alias, actor
FROM notifications
WHERE seq = $seq
