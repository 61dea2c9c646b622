-- Notifications between two numbers, the oldest first.
SELECT
    payload::VARCHAR AS payload, -- if $with_payload
    signature, -- if $with_payload
    seq, id::VARCHAR AS id, received_at, event_type, category, action, account_alias, entity_id, actor, occurred_at,
    signature_status, source_ip, duplicate_of::VARCHAR AS duplicate_of
FROM notifications
WHERE seq >= $first AND seq <= $last
    -- include matching.sql
    AND (list_contains($events::VARCHAR[], event_type) OR list_contains($events::VARCHAR[], category)) -- if $events
    AND list_contains($accounts::VARCHAR[], upper(account_alias)) -- if $accounts
ORDER BY seq
LIMIT $page_rows
