-- The filter of changes; a part of other queries. A field is a path without the keys of its items.
    AND changed_at >= $since::TIMESTAMPTZ -- if $since
    AND changed_at < $until::TIMESTAMPTZ -- if $until
    AND NOT noise -- if $without_noise
    AND list_contains($kinds::VARCHAR[], kind) -- if $kinds
    AND account_alias = $account -- if $account
    AND account_alias IN (SELECT alias FROM accounts WHERE list_contains(root_path, $account_tree)) -- if $account_tree
    AND contains(entity_id, upper($entity)) -- if $entity
    AND contains(lower(actor), lower($actor)) -- if $actor
    AND (contains(lower(path), lower($field)) OR contains(lower(regexp_replace(path, '\[("([^"\\]|\\.)*"|[^\]]*)\]', '[]', 'g')), lower($field))) -- if $field
