-- One refused notification, whole.
SELECT id, received_at, reason, path, source_ip, headers::VARCHAR AS headers, body, sender, signature_detail
FROM rejected
WHERE id = $id::UUID
