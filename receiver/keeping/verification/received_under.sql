-- The keys that judged valid signatures of some senders, how many, and the first. A store of an older version has the first sender
-- only, and perhaps no column for the keys.
WITH received AS (
    SELECT * FROM notifications WHERE signature_status = 'valid'
    UNION ALL BY NAME
    SELECT NULL::VARCHAR AS key_fingerprint, NULL::VARCHAR AS sender WHERE false
)
SELECT key_fingerprint, count(*), min(seq)
FROM received
WHERE coalesce(sender, $2) IN (SELECT unnest($1::VARCHAR[]))
GROUP BY key_fingerprint
ORDER BY 1;
