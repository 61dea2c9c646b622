-- Which notifications are of an entity: among a server's are its alerts. A part of other queries.
    AND entity_id = $entity
    AND (category = $category OR ($category = 'Server' AND category = 'Alert'))
