-- The filter of the page Activity; a part of other queries.
    -- include without.sql
    AND list_contains($event_types::VARCHAR[], coalesce(event_type, category)) -- if $event_types
    AND sender = $sender -- if $sender
    AND account_alias = $account -- if $account
    AND account_alias IN (SELECT unnest($accounts::VARCHAR[])) -- if $accounts
    AND (sender, account_alias) IN ( -- if $owners
        SELECT (owner, alias) FROM (SELECT unnest($owners::VARCHAR[]) AS owner, unnest($accounts::VARCHAR[]) AS alias) -- if $owners
    ) -- if $owners
    AND user_of(actor) = user_of($actor) -- if $actor
    AND entity_id = $entity -- if $entity
    AND kind_of(category) = $kind -- if $kind
    AND starts_with(entity_id, $centre) AND has_place(category) -- if $centre
