-- The latest notification of each entity, where it was received since a moment; `seq` tells which is the latest.
WITH latest AS (
    SELECT max(seq) AS seq
    FROM events
    WHERE entity_id IS NOT NULL AND seq >= (SELECT min(seq) FROM events WHERE received_at >= $1)
    GROUP BY sender, category, entity_id
)
SELECT sender, category, entity_id, id, event_type, received_at, sha256(payload)
FROM events
JOIN latest USING (seq)
WHERE received_at >= $1;
