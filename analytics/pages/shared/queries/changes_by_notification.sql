-- The changes of notifications by their ids, without noise.
SELECT
    sender, -- if $several
    seq, category, entity_id, actor, path, kind, old_value::VARCHAR AS old_value, new_value::VARCHAR AS new_value
FROM changes
WHERE notification_id IN (SELECT unnest($ids::UUID[])) AND NOT noise
ORDER BY seq, path, kind
