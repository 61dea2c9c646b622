-- What the page Activity counts: notifications, or the fields that they changed, without noise; a part of other queries.
-- A change gets its event type from its notification; of chosen types alone, because joining all takes twice as long.
-- Where kept counts are read, only the rows that these leave are here; their types are materialized, because DuckDB would look
-- for those of all others, too.
FROM events -- if $notifications
FROM ( -- if $left_notifications
    FROM events WHERE seq > -- if $left_notifications
            -- include last_kept.sql -- if $left_notifications
    UNION ALL -- if $cut -- if $left_notifications
    FROM events WHERE -- if $cut -- if $left_notifications
            -- include left_rows.sql -- if $cut -- if $left_notifications
) -- if $left_notifications
FROM ( -- if $changes
    SELECT -- if $changes
        event_type, -- if $typed -- if $changes
        sender, -- if $several -- if $changes
        changed_at AS received_at, category, entity_id, account_alias, actor, path -- if $changes
    FROM changes -- if $changes
    JOIN ( -- if $typed -- if $changes
        SELECT seq, event_type FROM events WHERE received_at >= $counted_since::TIMESTAMPTZ -- if $typed -- if $changes
            AND list_contains($event_types::VARCHAR[], coalesce(event_type, category)) -- if $event_types -- if $typed -- if $changes
    ) USING (seq) -- if $typed -- if $changes
    WHERE NOT noise AND path <> '' -- if $changes
) -- if $changes
FROM ( -- if $left_changes
    SELECT * -- if $left_changes
    FROM ( -- if $left_changes
        FROM (SELECT * RENAME (changed_at AS received_at) FROM changes) WHERE seq > -- if $left_changes
            -- include last_kept.sql -- if $left_changes
        UNION ALL -- if $cut -- if $left_changes
        FROM (SELECT * RENAME (changed_at AS received_at) FROM changes) WHERE -- if $cut -- if $left_changes
            -- include left_rows.sql -- if $cut -- if $left_changes
    ) -- if $left_changes
    JOIN ( -- if $typed -- if $left_changes
        WITH left_types AS MATERIALIZED ( -- if $typed -- if $left_changes
        SELECT seq, event_type FROM events WHERE received_at >= $counted_since::TIMESTAMPTZ -- if $typed -- if $left_changes
            AND list_contains($event_types::VARCHAR[], coalesce(event_type, category)) -- if $event_types -- if $typed -- if $left_changes
            AND seq > -- if $uncut -- if $typed -- if $left_changes
                -- include last_kept.sql -- if $uncut -- if $typed -- if $left_changes
        ) -- if $typed -- if $left_changes
        FROM left_types -- if $typed -- if $left_changes
    ) USING (seq) -- if $typed -- if $left_changes
    WHERE NOT noise AND path <> '' -- if $left_changes
) -- if $left_changes
