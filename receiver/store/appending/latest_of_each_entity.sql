WITH latest AS (
    SELECT max(seq) AS seq FROM events WHERE entity_id IS NOT NULL GROUP BY sender, category, entity_id
)
SELECT sender, category, entity_id, id, event_type, received_at, sha256(payload)
FROM events
JOIN latest USING (seq);
