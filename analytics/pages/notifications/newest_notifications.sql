-- One page of the list, newest first: the newest page, or the page before a notification.
SELECT
    sender, -- if $several
    seq, id::VARCHAR AS id, received_at, least(occurred_at, received_at) AS occurred_at, event_type, category, action,
    account_alias, entity_id, actor, signature_status, source_ip, duplicate_of
FROM notifications
WHERE true
    AND seq <= $upto -- if $upto
    AND seq < $before -- if $before
    -- include matching.sql
ORDER BY seq DESC
LIMIT $page_rows
