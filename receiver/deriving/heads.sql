WITH stateless AS (
    SELECT unnest($1::VARCHAR[]) AS sender, unnest($2::VARCHAR[]) AS category
),
heads AS (
    SELECT
        sender, category, entity_id,
        max(struct_pack(happened_at := least(occurred_at, received_at), seq := seq)) AS place
    FROM events
    ANTI JOIN stateless USING (sender, category)
    WHERE entity_id IS NOT NULL AND seq <= $3
    GROUP BY sender, category, entity_id
)
SELECT heads.sender, heads.category, heads.entity_id, heads.place.happened_at, heads.place.seq, events.action
FROM heads
JOIN events ON events.seq = heads.place.seq;
