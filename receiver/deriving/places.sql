WITH wanted AS (
    SELECT unnest($1::VARCHAR[]) AS sender, unnest($2::VARCHAR[]) AS category, unnest($3::VARCHAR[]) AS entity_id
),
stateless_events AS (
    SELECT unnest($6::VARCHAR[]) AS sender, unnest($7::VARCHAR[]) AS event_type
)
SELECT sender, category, entity_id, least(occurred_at, received_at), seq, action, epoch_us(received_at) < $5
FROM events
JOIN wanted USING (sender, category, entity_id)
ANTI JOIN stateless_events USING (sender, event_type)
WHERE seq <= $4;
