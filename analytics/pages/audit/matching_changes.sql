-- Which changes a filter lets through; a part of other queries. A field is a path with the keys of its items left out.
    AND changed_at >= $since::TIMESTAMPTZ -- if $since
    AND changed_at < $until::TIMESTAMPTZ -- if $until
    AND NOT noise -- if $without_noise
    AND list_contains($kinds::VARCHAR[], kind) -- if $kinds
    AND account_alias = $account -- if $account
    AND account_alias IN (SELECT alias FROM accounts WHERE list_contains(root_path, $account_tree)) -- if $account_tree
    AND contains(entity_id, upper($entity)) -- if $entity
    AND contains(lower(actor), lower($actor)) -- if $actor
    AND (contains(lower(path), lower($field)) OR contains(lower(regexp_replace(path, '\[("([^"\\]|\\.)*"|[^\]]*)\]', '[]', 'g')), lower($field))) -- if $field
