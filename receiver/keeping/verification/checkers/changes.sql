SELECT
    notification_id::VARCHAR, seq, epoch_us(changed_at), category, entity_id, account_alias, actor, sender, path, kind,
    noise, old_value::VARCHAR, new_value::VARCHAR, told
FROM changes
WHERE /* which */;
