SELECT id::VARCHAR, sha256(payload)
FROM notifications
WHERE id IN (SELECT unnest(?::UUID[]))
UNION ALL
SELECT id::VARCHAR, sha256(body)
FROM rejected
WHERE id IN (SELECT unnest(?::UUID[]));
