-- A store of before schema version 7 has no column `key_fingerprint`.
WITH received AS (
    SELECT * FROM notifications WHERE seq > ? AND seq <= ?
    UNION ALL BY NAME
    SELECT NULL::VARCHAR AS key_fingerprint WHERE false
)
SELECT
    seq,
    duplicate_of::VARCHAR AS duplicate_of,
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
    key_fingerprint
FROM received
ORDER BY seq;
