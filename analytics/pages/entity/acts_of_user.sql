-- The notifications that name a user as their actor, the latest first.
SELECT seq, least(occurred_at, received_at) AS occurred_at, event_type, category, entity_id, account_alias
FROM events
WHERE upper(actor) = $entity
ORDER BY occurred_at DESC, seq DESC
LIMIT $page_rows
