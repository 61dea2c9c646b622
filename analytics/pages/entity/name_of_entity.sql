-- The name of an entity as the store has it, by its name in any letter case.
SELECT entity_id
FROM events
WHERE sender = $sender AND lower(entity_id) = lower($entity) AND kind_of(category) = $category
ORDER BY entity_id = $entity DESC
LIMIT 1
