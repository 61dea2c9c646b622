WITH stateless AS (
    SELECT unnest($1::VARCHAR[]) AS sender, unnest($2::VARCHAR[]) AS category
),
stateless_events AS (
    SELECT unnest($3::VARCHAR[]) AS sender, unnest($4::VARCHAR[]) AS event_type
),
steps AS (
    SELECT sender, category, entity_id, seq, least(occurred_at, received_at) AS happened_at, action
    FROM events
    ANTI JOIN stateless USING (sender, category)
    ANTI JOIN stateless_events USING (sender, event_type)
    WHERE entity_id IS NOT NULL
),
-- What follows a deletion may be compared with a notification before that, back to one that is no deletion.
after_deletions AS (
    SELECT * EXCLUDE (action), sum(if(action IS NOT DISTINCT FROM 'Deleted', 0, 1)) OVER history AS lives
    FROM steps
    SEMI JOIN (FROM steps WHERE action = 'Deleted') AS deletions USING (sender, category, entity_id)
    WINDOW history AS (PARTITION BY sender, category, entity_id ORDER BY happened_at, seq ROWS UNBOUNDED PRECEDING)
),
latest_of_lives AS (
    SELECT
        *,
        max(seq) OVER (
            PARTITION BY sender, category, entity_id, lives ORDER BY happened_at, seq ROWS UNBOUNDED PRECEDING
        ) AS latest
    FROM after_deletions
)
SELECT seq
FROM (
    SELECT seq, lag(seq) OVER (PARTITION BY sender, category, entity_id ORDER BY happened_at, seq) AS before
    FROM steps
    UNION ALL
    SELECT seq, lag(latest) OVER (PARTITION BY sender, category, entity_id ORDER BY happened_at, seq)
    FROM latest_of_lives
)
WHERE before > greatest(seq, $5)
GROUP BY seq;
