-- Notifications between two numbers, the oldest first.
SELECT
    seq, id::VARCHAR AS id, received_at, event_type, category, action, account_alias, entity_id, actor, occurred_at,
    signature_status,
    signature, -- if $with_payload
    source_ip, duplicate_of::VARCHAR AS duplicate_of
    , payload::VARCHAR AS payload, key_fingerprint, sender, proof, signature_detail, delivery_id -- if $with_payload
FROM notifications
WHERE seq >= $first AND seq <= $last
    -- include matching.sql
    AND (list_contains($events::VARCHAR[], event_type) OR list_contains($events::VARCHAR[], category)) -- if $events
    AND list_contains($accounts::VARCHAR[], as_entity_id(account_alias)) -- if $accounts
ORDER BY seq
LIMIT $page_rows
