-- The entities of an account, the existing ones first.
SELECT
    category, entity_id, last_at, deleted, notifications, count(*) OVER () AS total
FROM (
    SELECT
        category,
        entity_id,
        max(least(occurred_at, received_at)) AS last_at,
        coalesce(
            max(struct_pack(at := least(occurred_at, received_at), seq := seq, action := action)).action = 'Deleted', false
        ) AS deleted,
        count(*) AS notifications
    FROM events
    WHERE account_alias = $alias AND is_of_account(category) AND entity_id IS NOT NULL
    GROUP BY category, entity_id
)
ORDER BY deleted, category, entity_id
LIMIT $page_rows
