-- A month's notifications that are stored up to a number, with the columns by which the lake has them in order.
SELECT
    * REPLACE (id::VARCHAR AS id, duplicate_of::VARCHAR AS duplicate_of, payload::VARCHAR AS payload),
    entity_id AS key_entity,
    received_at AS key_time,
    id::VARCHAR AS key_tie
FROM notifications
WHERE received_at >= $begins::TIMESTAMPTZ AND received_at < $ends::TIMESTAMPTZ AND seq <= $last_seq
