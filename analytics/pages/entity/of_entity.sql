-- The filter for an entity's notifications; a part of other queries.
    AND entity_id = $entity
    AND kind_of(category) = $category
    AND sender = $sender -- if $sender
