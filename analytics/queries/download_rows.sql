-- Notifications between two numbers, whole, the newest first.
SELECT
    seq, id::VARCHAR AS id, received_at, event_type, category, action, account_alias, entity_id, actor, occurred_at,
    signature_status, signature, source_ip, duplicate_of::VARCHAR AS duplicate_of, payload::VARCHAR AS payload
FROM notifications
WHERE seq >= $first AND seq <= $upto
    -- include matching.sql
ORDER BY seq DESC
