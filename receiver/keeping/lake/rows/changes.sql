-- The changes that a month's notifications show, see notifications.sql.
SELECT
    changes.* REPLACE (
        changes.notification_id::VARCHAR AS notification_id,
        changes.old_value::VARCHAR AS old_value,
        changes.new_value::VARCHAR AS new_value
    ),
    changes.entity_id AS key_entity,
    notifications.received_at AS key_time,
    changes.notification_id::VARCHAR || changes.path AS key_tie
FROM changes
JOIN notifications ON notifications.seq = changes.seq
WHERE
    notifications.received_at >= $begins::TIMESTAMPTZ
    AND notifications.received_at < $ends::TIMESTAMPTZ
    AND notifications.seq <= $last_seq
