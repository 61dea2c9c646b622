-- What `stored_after` tells, of all notifications: for more ids than fit into a request. Entities whose notifications come
-- out of order within ten seconds only count as in order here: to look at each entity's order takes longer than all rules.
WITH stored AS (
    SELECT
        id,
        seq,
        received_at,
        least(occurred_at, received_at) AS happened_at,
        max(received_at) OVER earlier AS latest,
        max(happened_at) OVER earlier AS furthest
    FROM notifications
    WINDOW earlier AS (ORDER BY seq ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
), suspects AS (
    SELECT sender, category, entity_id
    FROM notifications
    JOIN stored USING (id)
    WHERE stored.happened_at < furthest - INTERVAL 10 SECONDS AND duplicate_of IS NULL AND entity_id IS NOT NULL
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
