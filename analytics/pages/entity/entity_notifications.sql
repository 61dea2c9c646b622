-- A page of an entity's timeline: its notifications in reverse order of events, up to a moment.
SELECT
    sender, -- if $several
    seq, id, least(occurred_at, received_at) AS occurred_at, received_at, event_type, category, action, account_alias, actor,
    signature_status, source_ip
FROM events
WHERE true
    -- include of_entity.sql
    AND least(occurred_at, received_at) < $until::TIMESTAMPTZ -- if $until
ORDER BY occurred_at DESC, seq DESC
LIMIT $page_rows OFFSET $position
