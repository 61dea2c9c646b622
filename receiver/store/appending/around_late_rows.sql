-- What of some entities was received from one moment to another, copies left out.
SELECT sender, category, entity_id, id, event_type, received_at, sha256(payload), signature_status = 'valid'
FROM events
WHERE received_at BETWEEN $1 AND $2 AND entity_id IN (SELECT unnest($3::VARCHAR[]))
ORDER BY received_at, seq;
