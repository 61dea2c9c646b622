-- The notification of each entity that was received last, where that was since a moment.
WITH latest AS (
    SELECT max(struct_pack(received_at := received_at, seq := seq)).seq AS seq
    FROM events
    WHERE entity_id IS NOT NULL AND received_at >= $1
    GROUP BY sender, category, entity_id
)
SELECT sender, category, entity_id, id, event_type, received_at, sha256(payload), signature_status = 'valid'
FROM events
JOIN latest USING (seq);
