-- The sender, the entity, the account and the actor of a notification.
SELECT sender, category, entity_id, account_alias, actor
FROM notifications
WHERE seq = $seq
