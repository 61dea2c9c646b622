WITH stateless AS (
    SELECT unnest($1::VARCHAR[]) AS sender, unnest($2::VARCHAR[]) AS category
)
SELECT seq
FROM (
    SELECT
        seq,
        lag(seq) OVER (PARTITION BY sender, category, entity_id ORDER BY least(occurred_at, received_at), seq) AS before
    FROM events
    ANTI JOIN stateless USING (sender, category)
    WHERE entity_id IS NOT NULL
)
WHERE before > greatest(seq, $3);
