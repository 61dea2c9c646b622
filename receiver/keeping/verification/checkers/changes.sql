SELECT
    notification_id::VARCHAR, seq, epoch_us(changed_at), category, entity_id, account_alias, actor, path, kind, noise,
    old_value::VARCHAR, new_value::VARCHAR, told, sender
FROM changes
WHERE /* which */;
