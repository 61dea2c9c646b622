SELECT
    seq,
    id::VARCHAR AS id,
    epoch_us(received_at) AS received_at,
    event_type,
    category,
    action,
    account_alias,
    entity_id,
    actor,
    epoch_us(occurred_at) AS occurred_at,
    signature_status,
    signature,
    source_ip,
    payload::VARCHAR AS payload,
    duplicate_of::VARCHAR AS duplicate_of
FROM notifications
WHERE seq > ? AND seq <= ?
ORDER BY seq;
