-- What `stored_after` tells, of all notifications: for more ids than fit into a request.
WITH stored AS (
    SELECT
        id,
        seq,
        received_at,
        max(received_at) OVER (ORDER BY seq ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS latest
    FROM notifications
), suspects AS (
    SELECT sender, category, entity_id
    FROM (
        SELECT
            sender, category, entity_id,
            least(occurred_at, received_at) AS happened_at,
            max(happened_at) OVER (
                PARTITION BY sender, category, entity_id
                ORDER BY seq
                ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
            ) AS furthest
        FROM notifications
        WHERE duplicate_of IS NULL AND entity_id IS NOT NULL
    )
    WHERE happened_at < furthest
), compared AS (
    SELECT
        id, sender, category, entity_id, seq,
        epoch_us(least(occurred_at, received_at)) * 18446744073709551616::HUGEINT + seq AS place,
        max(seq) OVER (PARTITION BY sender, category, entity_id ORDER BY place ROWS 2 PRECEDING) AS last_seq
    FROM notifications
    SEMI JOIN suspects USING (sender, category, entity_id)
    WHERE duplicate_of IS NULL
), looked_at AS (
    SELECT
        id,
        seq,
        max(last_seq) OVER (
            PARTITION BY sender, category, entity_id
            ORDER BY place
            RANGE 86400000000 * 18446744073709551616::HUGEINT PRECEDING
        ) AS last_seq
    FROM compared
)
SELECT id::VARCHAR AS id, max(latest) AS latest
FROM (
    SELECT id, latest
    FROM stored
    WHERE latest > received_at
    UNION ALL
    SELECT looked_at.id, greatest(stored.latest, stored.received_at)
    FROM looked_at
    JOIN stored ON stored.seq = looked_at.last_seq
    WHERE looked_at.last_seq > looked_at.seq
)
GROUP BY id
