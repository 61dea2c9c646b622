SELECT
    seq, id, received_at, event_type, category, action, account_alias, entity_id, actor, occurred_at,
    signature_status, NULL AS signature, source_ip, duplicate_of, payload
FROM (
    SELECT *, sum(strlen(payload)) OVER (ORDER BY seq) - strlen(payload) AS bytes_before
    FROM (FROM notifications WHERE seq > $1 ORDER BY seq LIMIT $2)
)
WHERE bytes_before < $3
ORDER BY seq;
