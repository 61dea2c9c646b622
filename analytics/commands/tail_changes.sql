-- The changes of some of the notifications between two numbers, without noise.
SELECT
    sender, -- if $with_senders
    notification_id::VARCHAR AS id, category, entity_id, actor, path, kind, old_value::VARCHAR AS old_value, new_value::VARCHAR AS new_value
FROM changes
WHERE seq >= $first AND seq <= $last AND notification_id IN (SELECT unnest($ids::UUID[])) AND NOT noise
ORDER BY id, path, kind
