WITH wanted AS (
    SELECT
        unnest($1::VARCHAR[]) AS sender, unnest($2::VARCHAR[]) AS category, unnest($3::VARCHAR[]) AS entity_id,
        unnest($4::VARCHAR[][]) AS deleted
),
stateless_events AS (
    SELECT unnest($6::VARCHAR[]) AS sender, unnest($7::VARCHAR[]) AS event_type
),
steps AS (
    SELECT
        sender, category, entity_id, action, coalesce(list_contains(deleted, action), false) AS is_deletion,
        struct_pack(happened_at := least(occurred_at, received_at), seq := seq) AS place
    FROM events
    JOIN wanted USING (sender, category, entity_id)
    ANTI JOIN stateless_events USING (sender, event_type)
    WHERE seq <= $5
),
stated AS (
    SELECT sender, category, entity_id, max(place) AS place
    FROM steps
    WHERE NOT is_deletion
    GROUP BY sender, category, entity_id
)
SELECT sender, category, entity_id, steps.place.happened_at, steps.place.seq, steps.action
FROM steps
LEFT JOIN stated USING (sender, category, entity_id)
WHERE stated.place IS NULL OR steps.place >= stated.place;
