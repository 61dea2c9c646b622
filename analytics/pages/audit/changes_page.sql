-- A page of the changes in reverse order of events, with their notifications' actions and receipt.
WITH page AS (
    SELECT
        sender, -- if $several
        told, -- if $described
        notification_id, seq, changed_at, category, entity_id, account_alias, actor, path, kind, noise,
        old_value::VARCHAR AS old_value, new_value::VARCHAR AS new_value
    FROM changes
    WHERE true
        -- include matching_changes.sql
    ORDER BY changed_at DESC, seq DESC, path, kind
    LIMIT $page_rows OFFSET $position
)
SELECT page.*, notifications.action, notifications.received_at, notifications.source_ip
FROM page
LEFT JOIN notifications ON notifications.seq = page.seq
ORDER BY changed_at DESC, page.seq DESC, path, page.kind
