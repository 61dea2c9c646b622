-- Entities by a part of their name, the one with the latest event first.
SELECT
    category,
    entity_id,
    max(struct_pack(at := least(occurred_at, received_at), account_alias := account_alias)).account_alias
        AS account_alias,
    max(least(occurred_at, received_at)) AS last_at,
    count(*) AS notifications
FROM events
WHERE entity_id IS NOT NULL AND has_state(category)
    AND contains(entity_id, upper($named)) -- if $named
    AND category = $kind -- if $kind
GROUP BY category, entity_id
ORDER BY last_at DESC, entity_id
LIMIT $page_rows
