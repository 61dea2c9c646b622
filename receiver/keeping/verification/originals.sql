SELECT
    copy.seq,
    original.seq,
    original.duplicate_of IS NOT NULL AS is_copy,
    original.event_type,
    coalesce(original.payload::VARCHAR = copy.payload::VARCHAR, false) AS same_payload,
    coalesce(original.signature_status = 'valid', false) AS is_valid
FROM notifications AS copy
LEFT JOIN notifications AS original ON original.id = copy.duplicate_of
WHERE copy.seq > ? AND copy.seq <= ? AND copy.duplicate_of IS NOT NULL
ORDER BY copy.seq;
