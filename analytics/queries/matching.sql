-- The filter of notifications; a part of other queries. A case-insensitive expression searches the bodies: that takes
-- half as long as converting all of them to lower case.
    AND received_at >= $since::TIMESTAMPTZ -- if $since
    AND received_at < $until::TIMESTAMPTZ -- if $until
    AND list_contains($event_types::VARCHAR[], coalesce(event_type, category)) -- if $event_types
    -- include matching_who.sql
    -- include without.sql
    AND starts_with(entity_id, $centre) AND has_place(category) -- if $centre
    AND list_contains($signatures::VARCHAR[], signature_status) -- if $signatures
    AND duplicate_of IS NULL -- if $without_copies
    AND regexp_matches(payload::VARCHAR, '(?i)' || regexp_escape($text)) -- if $text
