SELECT seq, id::VARCHAR, occurred_at, received_at, category, entity_id, account_alias, actor, action, payload
FROM notifications
WHERE seq IN (SELECT unnest(?));
