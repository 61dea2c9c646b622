-- The changes of an entity's notifications between two of them by number, without noise.
SELECT
    sender, -- if $several
    seq, category, entity_id, actor, path, kind, old_value::VARCHAR AS old_value, new_value::VARCHAR AS new_value
FROM changes
WHERE category = $category AND entity_id = $entity AND NOT noise AND seq >= $first AND seq <= $last
    AND sender = $sender -- if $sender
ORDER BY seq, path, kind
