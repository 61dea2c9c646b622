-- The numbers of the filter's newest notifications, up to a number.
SELECT seq
FROM notifications
WHERE seq <= $last
    -- include matching.sql
    AND (list_contains($events::VARCHAR[], event_type) OR list_contains($events::VARCHAR[], category)) -- if $events
    AND list_contains($accounts::VARCHAR[], as_entity_id(account_alias)) -- if $accounts
ORDER BY seq DESC
LIMIT $page_rows
