SELECT signature, payload::VARCHAR
FROM notifications
WHERE signature_status = 'valid' AND signature IS NOT NULL /* unnoted */
ORDER BY seq
LIMIT ?;
