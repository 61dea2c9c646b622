-- A month's refused notifications, see notifications.sql; they have no entity, and no number.
SELECT
    * REPLACE (id::VARCHAR AS id, headers::VARCHAR AS headers),
    NULL::VARCHAR AS key_entity,
    received_at AS key_time,
    id::VARCHAR AS key_tie
FROM rejected
WHERE received_at >= $begins::TIMESTAMPTZ AND received_at < $ends::TIMESTAMPTZ AND $last_seq IS NOT NULL
