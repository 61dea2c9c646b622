-- The filter by sender, account, entity and actor; a part of other queries.
    AND sender = $sender -- if $sender
    AND account_alias = $account -- if $account
    AND account_of(account_alias) IN (SELECT account_of(alias) FROM accounts WHERE list_contains(root_path, $account_tree)) -- if $account_tree
    AND has_part(entity_id, $entity) -- if $entity
    AND is_named($entity_is) -- if $entity_is
    AND has_part(actor, $actor) -- if $actor
    AND user_of(actor) = user_of($actor_is) -- if $actor_is
