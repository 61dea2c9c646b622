-- The filter of notifications; a part of other queries. A case-insensitive expression searches the bodies: that takes
-- half as long as converting all of them to lower case.
    AND received_at >= $since::TIMESTAMPTZ -- if $since
    AND received_at < $until::TIMESTAMPTZ -- if $until
    AND list_contains($event_types::VARCHAR[], coalesce(event_type, category)) -- if $event_types
    AND sender = $sender -- if $sender
    AND account_alias = $account -- if $account
    AND account_of(account_alias) IN (SELECT account_of(alias) FROM accounts WHERE list_contains(root_path, $account_tree)) -- if $account_tree
    AND named_like($entity) -- if $entity
    AND is_named($entity_is) -- if $entity_is
    AND contains(lower(actor), lower($actor)) -- if $actor
    AND user_of(actor) = user_of($actor_is) -- if $actor_is
    AND list_contains($signatures::VARCHAR[], signature_status) -- if $signatures
    AND duplicate_of IS NULL -- if $without_copies
    AND regexp_matches(payload::VARCHAR, '(?i)' || regexp_escape($text)) -- if $text
