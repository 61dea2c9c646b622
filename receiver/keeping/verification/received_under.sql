-- The keys that judged valid signatures, and how many.
SELECT key_fingerprint, count(*) FROM notifications WHERE signature_status = 'valid' GROUP BY key_fingerprint ORDER BY 1;
