-- Notifications after a place, the oldest first. A place is a number and an id: in a store the number is `seq`, in a lake,
-- whose months have numbers of their own, the time of receipt in microseconds.
SELECT
    seq, id::VARCHAR AS id, received_at, event_type, category, action, account_alias, entity_id, actor, occurred_at,
    signature_status,
    signature, -- if $with_payload
    source_ip, duplicate_of::VARCHAR AS duplicate_of
    , sender -- if $with_senders
    , payload::VARCHAR AS payload, key_fingerprint, sender, proof, signature_detail, delivery_id -- if $with_payload
FROM notifications
WHERE true
    AND seq >= $number AND seq <= $last AND (seq > $number OR notifications.id > $id::UUID) -- if $by_seq
    AND received_at >= make_timestamptz($number::BIGINT) AND received_at <= make_timestamptz($last::BIGINT) -- if $by_time
    AND (received_at > make_timestamptz($number::BIGINT) OR notifications.id > $id::UUID) -- if $by_time
    -- include matching_command.sql
ORDER BY
    seq, -- if $by_seq
    received_at, -- if $by_time
    notifications.id
LIMIT $page_rows
