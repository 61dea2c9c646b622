-- The notifications that name a user as their actor, the latest first.
SELECT
    sender, -- if $several
    seq, id, least(occurred_at, received_at) AS occurred_at, received_at, source_ip, event_type, category, action, entity_id,
    account_alias
FROM events
WHERE user_of(actor) = user_of($entity)
    AND sender = $sender -- if $sender
ORDER BY occurred_at DESC, seq DESC
LIMIT $page_rows
