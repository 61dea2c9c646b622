WITH wanted AS (
    SELECT unnest(?::VARCHAR[]) AS category, unnest(?::VARCHAR[]) AS entity_id
)
SELECT category, entity_id, least(occurred_at, received_at), seq
FROM events
JOIN wanted USING (category, entity_id)
WHERE seq <= ?;
