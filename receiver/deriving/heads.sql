WITH heads AS (
    SELECT category, entity_id, max(struct_pack(happened_at := least(occurred_at, received_at), seq := seq)) AS place
    FROM events
    WHERE category NOT IN (SELECT unnest(?::VARCHAR[])) AND entity_id IS NOT NULL AND seq <= ?
    GROUP BY category, entity_id
)
SELECT heads.category, heads.entity_id, heads.place.happened_at, heads.place.seq, events.action
FROM heads
JOIN events ON events.seq = heads.place.seq;
