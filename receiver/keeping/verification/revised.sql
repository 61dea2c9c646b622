SELECT seq
FROM (
    SELECT seq, lag(seq) OVER (PARTITION BY category, entity_id ORDER BY least(occurred_at, received_at), seq) AS before
    FROM events
    WHERE category NOT IN (SELECT unnest(?::VARCHAR[])) AND entity_id IS NOT NULL
)
WHERE before > greatest(seq, ?);
