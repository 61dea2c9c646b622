-- Notifications by their ids, in the order in which they happened.
SELECT
    sender, -- if $several
    seq, id::VARCHAR AS id, least(occurred_at, received_at) AS occurred_at, event_type, category, action, entity_id,
    account_alias, actor, received_at, source_ip
FROM notifications
WHERE id IN (SELECT unnest($ids::UUID[]))
ORDER BY occurred_at, seq
LIMIT $page_rows
