-- The views' counts against the table's, in one statement and so of one moment: name, expected, found.
WITH originals AS (
    SELECT category, entity_id, occurred_at, received_at, seq FROM notifications WHERE duplicate_of IS NULL
),
latest AS (
    SELECT category, entity_id, max(struct_pack(happened_at := least(occurred_at, received_at), seq := seq)).seq AS seq, count(*) AS notifications
    FROM originals
    WHERE entity_id IS NOT NULL
    GROUP BY category, entity_id
)
SELECT 'events: rows' AS name, (SELECT count(*) FROM originals) AS expected, (SELECT count(*) FROM events) AS found
UNION ALL
SELECT 'entities: rows', (SELECT count(*) FROM latest), (SELECT count(*) FROM entities)
UNION ALL
SELECT
    'entities: those whose latest notification and number of notifications agree',
    (SELECT count(*) FROM latest),
    (
        SELECT count(*)
        FROM latest
        JOIN entities USING (category, entity_id)
        WHERE entities.last_seq = latest.seq AND entities.notifications = latest.notifications
    )
UNION ALL
SELECT 'accounts: different aliases', (SELECT count(DISTINCT alias) FROM accounts), (SELECT count(*) FROM accounts)
UNION ALL
SELECT
    'accounts: aliases that notifications name',
    (SELECT count(DISTINCT account_alias) FROM notifications),
    (SELECT count(*) FROM accounts WHERE alias IN (SELECT account_alias FROM notifications));
