-- As receiver/store/appending/duplicates.py writes the rows: each delivery's first notification with a valid signature.
INSERT INTO delivery_ids
SELECT
    ('0x' || left(sha256(concat_ws(chr(10), sender, sha256(payload), coalesce(event_type, ''), delivery_id)), 15))::BIGINT
        AS key,
    min(seq)
FROM notifications
WHERE delivery_id IS NOT NULL AND signature_status = 'valid'
GROUP BY key;
