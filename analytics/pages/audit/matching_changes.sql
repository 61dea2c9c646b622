-- The filter of changes; a part of other queries. The text of a field has its path, its path without the keys of items,
-- and the keys of an item that came or went; each expression must match it.
    AND changed_at >= $since::TIMESTAMPTZ -- if $since
    AND changed_at < $until::TIMESTAMPTZ -- if $until
    AND NOT noise -- if $without_noise
    AND list_contains($kinds::VARCHAR[], kind) -- if $kinds
    -- include matching_who.sql
    AND len(list_filter($fields::VARCHAR[], lambda field: NOT regexp_matches(concat_ws(' ', path, regexp_replace(path, '\[("([^"\\]|\\.)*"|[^\]]*)\]', '[]', 'g'), array_to_string(json_keys(coalesce(new_value, old_value)), ' ')), field))) = 0 -- if $fields
