-- The entities that are in an account now, the existing ones first; all their notifications count, as on the page of each.
SELECT
    category, entity_id, last_at, deleted, notifications, count(*) OVER () AS total
FROM (
    SELECT
        kind AS category,
        entity_id,
        max(least(occurred_at, received_at)) AS last_at,
        coalesce(
            max(struct_pack(at := least(occurred_at, received_at), seq := seq, action := action))
                FILTER (WHERE has_state(category)).action = 'Deleted', false
        ) AS deleted,
        count(*) AS notifications
    FROM (SELECT *, kind_of(category) AS kind FROM events)
    WHERE is_of_account(kind)
        AND entity_id IN (SELECT entity_id FROM events WHERE account_alias = $alias)
        AND sender = $sender -- if $sender
    GROUP BY kind, entity_id
    -- An alert may name another account than the state does.
    HAVING
        arg_max(account_alias, struct_pack(
            has_state := has_state(category), at := least(occurred_at, received_at), seq := seq
        )) = $alias
)
ORDER BY deleted, category, entity_id
LIMIT $page_rows
