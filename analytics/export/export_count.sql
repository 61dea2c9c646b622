-- The number of the notifications in an export.
SELECT count(*) AS rows
FROM notifications
WHERE true
    -- include matching.sql
    AND (list_contains($events::VARCHAR[], event_type) OR list_contains($events::VARCHAR[], category)) -- if $events
    AND list_contains($accounts::VARCHAR[], as_entity_id(account_alias)) -- if $accounts
