-- Entities by a part of their name: those with just this name first, then the one with the latest event; all their
-- notifications count, as on the page of each.
SELECT
    sender, -- if $several
    kind_of(category) AS category,
    entity_id,
    -- An alert may name another account than the state does.
    arg_max(account_alias, struct_pack(
        has_state := has_state(category), at := least(occurred_at, received_at), seq := seq
    )) AS account_alias,
    max(least(occurred_at, received_at)) AS last_at,
    count(*) AS notifications
FROM events
WHERE entity_id IS NOT NULL
    AND has_part(entity_id, $named) -- if $named
    AND sender = $sender -- if $sender
    AND kind_of(category) = $kind -- if $kind
GROUP BY
    sender, -- if $several
    kind_of(category), entity_id
ORDER BY
    as_entity_id(entity_id) = as_entity_id($named) DESC, -- if $named
    last_at DESC, entity_id
LIMIT $page_rows
