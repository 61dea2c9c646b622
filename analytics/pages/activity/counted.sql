-- What the page Activity counts: notifications, or the fields that they changed, without noise; a part of other queries.
-- A change gets its event type from its notification.
FROM events -- if $notifications
FROM ( -- if $changes
    SELECT -- if $changes
        event_type, -- if $typed
        sender, -- if $several
        changed_at AS received_at, category, entity_id, account_alias, actor, path -- if $changes
    FROM changes -- if $changes
    JOIN (SELECT seq, event_type FROM events WHERE received_at >= $counted_since::TIMESTAMPTZ) USING (seq) -- if $typed
    WHERE NOT noise AND path <> '' -- if $changes
) -- if $changes
