-- The next newer page of the list after a notification, oldest first.
SELECT
    sender, -- if $several
    seq, received_at, event_type, category, account_alias, entity_id, actor, signature_status, duplicate_of
FROM notifications
WHERE true
    AND seq > $after -- if $after
    AND seq <= $upto -- if $upto
    -- include matching.sql
ORDER BY seq
LIMIT $page_rows
