-- The notifications whose changes are never derived again once old months are dropped: the ones received in those months, and
-- the ones that happened before one of these, of the same entity. The rows to compare them with may be gone.
WITH moment AS (
    SELECT max(before) AS before FROM dropped
),
last_old AS (
    SELECT
        sender, category, entity_id,
        max(struct_pack(happened_at := least(occurred_at, received_at), seq := seq)) AS place
    FROM events
    WHERE entity_id IS NOT NULL AND received_at < (SELECT before FROM moment)
    GROUP BY ALL
)
SELECT seq FROM notifications WHERE received_at < (SELECT before FROM moment)
UNION ALL
SELECT seq
FROM events
JOIN last_old USING (sender, category, entity_id)
WHERE
    received_at >= (SELECT before FROM moment)
    AND least(occurred_at, received_at) < (SELECT before FROM moment)
    AND struct_pack(happened_at := least(occurred_at, received_at), seq := seq) < last_old.place
