-- Entities and actors by a part of the name: those whose names begin with it first, then the one with the latest event.
-- An actor has no category.
SELECT
    sender, -- if $several
    category, name
FROM (
    SELECT
        sender, -- if $several
        kind_of(category) AS category, entity_id AS name, max(seq) AS last_seq
    FROM events
    WHERE has_part(entity_id, $named)
    GROUP BY ALL
    UNION ALL
    SELECT
        sender, -- if $several
        NULL, actor, max(seq)
    FROM events
    WHERE has_part(actor, $named)
    GROUP BY ALL
)
ORDER BY starts_with(lower(name), lower($named)) DESC, last_seq DESC, name
LIMIT $page_rows
