-- Which events the page Activity counts; a part of other queries. Among a server's are its alerts, and a data centre is
-- what the names of its servers begin with.
    AND list_contains($event_types::VARCHAR[], coalesce(event_type, category)) -- if $event_types
    AND account_alias = $account -- if $account
    AND account_alias IN (SELECT unnest($accounts::VARCHAR[])) -- if $accounts
    AND actor = $actor -- if $actor
    AND entity_id = $entity -- if $entity
    AND if(category = 'Alert', 'Server', category) = $kind -- if $kind
    AND starts_with(entity_id, $centre) AND category IN ('Server', 'Alert') -- if $centre
