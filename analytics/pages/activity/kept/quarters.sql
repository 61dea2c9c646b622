-- The kept counts by quarter hour, without the quarter hours that are cut; a part of other queries.
    FROM (
        SELECT
            quarter AS received_at, category, event_type,
            notifications AS number -- if $left_notifications
            changed_fields AS number -- if $left_changes
        FROM counts_by_quarter
        WHERE quarter >= $counted_since::TIMESTAMPTZ AND quarter < $counted_until::TIMESTAMPTZ
            AND NOT list_contains($cut_begins::BIGINT[], epoch_us(quarter)) -- if $cut
            AND $kept_seq =
            -- include last_kept.sql
            AND list_contains($event_types::VARCHAR[], coalesce(event_type, category)) -- if $event_types
            AND sender = $sender -- if $sender
            AND NOT list_contains($without_types::VARCHAR[], coalesce(event_type, category)) -- if $without_types
            AND NOT list_contains($without_senders::VARCHAR[], sender) -- if $without_senders
    )
    WHERE number <> 0
