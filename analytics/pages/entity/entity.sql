-- The facts about an entity without its bodies. The latest notification is the last in order of events, not of arrival,
-- and no event happens after its arrival. A notification of another category holds no state of it.
WITH steps AS (
    SELECT seq, least(occurred_at, received_at) AS occurred_at, category, action, account_alias
    FROM events
    WHERE true
        -- include of_entity.sql
), told AS (
    SELECT
        count(*) AS steps,
        count(*) FILTER (WHERE category = $category) AS notifications,
        min(occurred_at) AS first_at,
        max(occurred_at) AS last_at,
        arg_max(account_alias, struct_pack(is_own := category = $category, at := occurred_at, seq := seq)) AS account_alias,
        max(struct_pack(at := occurred_at, seq := seq, action := action)) FILTER (WHERE category = $category) AS latest,
        max(struct_pack(at := occurred_at, seq := seq, action := action)) FILTER (WHERE category = $category AND (occurred_at, seq) <= ($at::TIMESTAMPTZ, $at_seq::BIGINT)) AS then_latest -- if $at
    FROM steps
)
SELECT
    steps, notifications, first_at, last_at,
    then_latest.seq AS seq_then, -- if $at
    then_latest.at AS then_at, -- if $at
    coalesce(then_latest.action = 'Deleted', false) AS deleted_then, -- if $at
    latest.seq AS last_seq,
    latest.at AS last_own_at,
    account_alias,
    coalesce(latest.action = 'Deleted', false) AS deleted
FROM told
