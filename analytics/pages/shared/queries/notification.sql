-- One notification, whole.
SELECT
    seq, id, received_at, event_type, category, action, account_alias, entity_id, actor, occurred_at,
    signature_status, octet_length(signature) AS signature_bytes, base64(signature) AS signature, source_ip,
    duplicate_of, key_fingerprint, sender, proof, signature_detail, payload::VARCHAR AS payload
FROM notifications
WHERE seq = $seq
