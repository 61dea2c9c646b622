-- What filters leave out; a part of other queries.
    AND NOT list_contains($without_types::VARCHAR[], coalesce(event_type, category)) -- if $without_types
    AND NOT list_contains($without_senders::VARCHAR[], sender) -- if $without_senders
    AND NOT coalesce(list_contains($without_accounts::VARCHAR[], account_alias), false) -- if $without_accounts
    AND NOT coalesce(list_contains($without_actors::VARCHAR[], user_of(actor)), false) -- if $without_actors
    AND NOT coalesce(list_contains($without_entities::VARCHAR[], -- if $without_entities
        sender || ':' || -- if $several -- if $without_entities
        kind_of(category) || '/' || entity_id), false) -- if $without_entities
    AND NOT coalesce(has_place(category) AND list_contains($without_centres::VARCHAR[], place_of(entity_id)), false) -- if $without_centres
