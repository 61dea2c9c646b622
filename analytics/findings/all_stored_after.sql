-- What `stored_after` tells, of all notifications: for more ids than fit into a request. Notifications of an entity that come
-- out of order within ten seconds count as in order here: to look at each entity's order takes longer than all rules.
WITH stored AS (
    SELECT
        id,
        received_at,
        least(occurred_at, received_at) AS happened_at,
        max(received_at) OVER earlier AS latest,
        max(happened_at) OVER earlier AS furthest
    FROM notifications
    WINDOW earlier AS (ORDER BY seq ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
), late AS (
    SELECT id, seq, sender, category, entity_id, stored.happened_at, greatest(latest, stored.received_at) AS latest
    FROM notifications
    JOIN stored USING (id)
    WHERE stored.happened_at < furthest - INTERVAL 10 SECONDS AND duplicate_of IS NULL AND entity_id IS NOT NULL
)
SELECT id::VARCHAR AS id, max(latest) AS latest
FROM (
    SELECT id, latest
    FROM stored
    WHERE latest > received_at
    UNION ALL
    SELECT next.id, late.latest
    FROM late
    ASOF JOIN (
        SELECT id, seq, sender, category, entity_id, least(occurred_at, received_at) AS happened_at
        FROM notifications
        SEMI JOIN late USING (sender, category, entity_id)
        WHERE duplicate_of IS NULL
    ) AS next
        ON next.sender = late.sender AND next.category = late.category AND next.entity_id = late.entity_id
            AND next.happened_at > late.happened_at
    WHERE next.seq < late.seq
)
GROUP BY id
