-- Deliveries whose first notification goes while a later one stays, as receiver/deriving/delivery_ids.sql has them.
WITH goes AS (
    SELECT key FROM delivery_ids SEMI JOIN going USING (seq)
)
INSERT INTO repeated
SELECT key, seq
FROM (
    SELECT
        ('0x' || left(sha256(concat_ws(chr(10), sender, sha256(payload), coalesce(event_type, ''), delivery_id)), 15))::BIGINT
            AS key,
        seq
    FROM notifications
    ANTI JOIN going USING (seq)
    WHERE
        seq > $after AND delivery_id IS NOT NULL AND signature_status = 'valid' AND duplicate_of IS NOT NULL
        AND EXISTS (FROM goes)
)
SEMI JOIN goes USING (key);
