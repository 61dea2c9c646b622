-- The filter of changes; a part of other queries. The text of a field has its path, its path without the keys of items,
-- and the keys of an item that came or went; each expression must match it.
    AND changed_at >= $since::TIMESTAMPTZ -- if $since
    AND changed_at < $until::TIMESTAMPTZ -- if $until
    AND NOT noise -- if $without_noise
    AND list_contains($kinds::VARCHAR[], kind) -- if $kinds
    AND sender = $sender -- if $sender
    AND account_alias = $account -- if $account
    AND account_of(account_alias) IN (SELECT account_of(alias) FROM accounts WHERE list_contains(root_path, $account_tree)) -- if $account_tree
    AND named_like($entity) -- if $entity
    AND is_named($entity_is) -- if $entity_is
    AND contains(lower(actor), lower($actor)) -- if $actor
    AND user_of(actor) = user_of($actor_is) -- if $actor_is
    AND len(list_filter($fields::VARCHAR[], lambda field: NOT regexp_matches(concat_ws(' ', path, regexp_replace(path, '\[("([^"\\]|\\.)*"|[^\]]*)\]', '[]', 'g'), array_to_string(json_keys(coalesce(new_value, old_value)), ' ')), field))) = 0 -- if $fields
