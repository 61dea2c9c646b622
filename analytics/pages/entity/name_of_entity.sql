-- The name of an entity as the store has it, by its name in any letter case. A user may be there as an actor only. Just this
-- name comes before others.
SELECT entity_id
FROM (
    SELECT entity_id, false AS is_actor
    FROM events
    WHERE sender = $sender AND in_any_case(entity_id) = in_any_case($entity) AND kind_of(category) = $category
    UNION ALL -- if $is_person
    SELECT actor, true FROM events WHERE sender = $sender AND in_any_case(actor) = in_any_case($entity) -- if $is_person
)
ORDER BY entity_id = $entity DESC, is_actor
LIMIT 1
