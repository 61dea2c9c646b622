-- The next newer page of the list after a notification, oldest first.
SELECT
    sender, -- if $several
    seq, id::VARCHAR AS id, received_at, least(occurred_at, received_at) AS occurred_at, event_type, category, action,
    account_alias, entity_id, actor, signature_status, source_ip, duplicate_of
FROM notifications
WHERE true
    AND seq > $after -- if $after
    AND seq <= $upto -- if $upto
    -- include matching.sql
ORDER BY seq
LIMIT $page_rows
