-- The views' counts against the table's, in one statement and so of one moment: name, expected, found. Rows of an older
-- version have no sender.
WITH known_notifications AS (
    SELECT * FROM notifications
    UNION ALL BY NAME
    SELECT NULL::VARCHAR AS sender WHERE false
),
known_entities AS (
    SELECT * FROM entities
    UNION ALL BY NAME
    SELECT NULL::VARCHAR AS sender WHERE false
),
known_accounts AS (
    SELECT * FROM accounts
    UNION ALL BY NAME
    SELECT NULL::VARCHAR AS sender WHERE false
),
originals AS (
    SELECT sender, category, entity_id, occurred_at, received_at, seq FROM known_notifications WHERE duplicate_of IS NULL
),
latest AS (
    SELECT
        sender, category, entity_id,
        max(struct_pack(happened_at := least(occurred_at, received_at), seq := seq)).seq AS seq,
        count(*) AS notifications
    FROM originals
    WHERE entity_id IS NOT NULL
    GROUP BY sender, category, entity_id
)
SELECT 'events: rows' AS name, (SELECT count(*) FROM originals) AS expected, (SELECT count(*) FROM events) AS found
UNION ALL
SELECT 'entities: rows', (SELECT count(*) FROM latest), (SELECT count(*) FROM known_entities)
UNION ALL
SELECT
    'entities: those whose latest notification and number of notifications agree',
    (SELECT count(*) FROM latest),
    (
        SELECT count(*)
        FROM latest
        JOIN known_entities AS known
            ON known.sender IS NOT DISTINCT FROM latest.sender
            AND known.category = latest.category
            AND known.entity_id = latest.entity_id
        WHERE known.last_seq = latest.seq AND known.notifications = latest.notifications
    )
UNION ALL
SELECT
    'accounts: different aliases',
    (SELECT count(*) FROM (SELECT DISTINCT sender, alias FROM known_accounts)),
    (SELECT count(*) FROM known_accounts)
UNION ALL
SELECT
    'accounts: aliases that notifications name',
    (SELECT count(*) FROM (SELECT DISTINCT sender, account_alias FROM known_notifications WHERE account_alias IS NOT NULL)),
    (
        SELECT count(*)
        FROM known_accounts AS known
        SEMI JOIN known_notifications AS named
            ON named.sender IS NOT DISTINCT FROM known.sender AND named.account_alias = known.alias
    );
