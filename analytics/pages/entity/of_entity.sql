-- Which notifications are of an entity; a part of other queries.
    AND entity_id = $entity
    AND kind_of(category) = $category
