-- The first valid signatures of some senders for which no key was noted.
WITH received AS (
    SELECT * FROM notifications WHERE signature_status = 'valid' AND signature IS NOT NULL
    UNION ALL BY NAME
    SELECT NULL::VARCHAR AS key_fingerprint, NULL::VARCHAR AS sender WHERE false
)
SELECT signature, payload::VARCHAR
FROM received
WHERE key_fingerprint IS NULL AND coalesce(sender, $2) IN (SELECT unnest($1::VARCHAR[]))
ORDER BY seq
LIMIT $3;
