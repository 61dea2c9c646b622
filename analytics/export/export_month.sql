-- Notifications of a lake with all columns, in the order of their receipt.
SELECT * REPLACE (id::VARCHAR AS id, duplicate_of::VARCHAR AS duplicate_of, payload::VARCHAR AS payload)
FROM notifications
WHERE true
    -- include matching.sql
    AND (list_contains($events::VARCHAR[], event_type) OR list_contains($events::VARCHAR[], category)) -- if $events
    AND list_contains($accounts::VARCHAR[], as_entity_id(account_alias)) -- if $accounts
ORDER BY received_at, notifications.id
