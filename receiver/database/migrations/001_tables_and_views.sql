CREATE TABLE notifications (
    seq BIGINT NOT NULL,
    id UUID NOT NULL,
    received_at TIMESTAMPTZ NOT NULL,
    event_type VARCHAR,
    category VARCHAR NOT NULL,
    action VARCHAR,
    account_alias VARCHAR,
    entity_id VARCHAR,
    actor VARCHAR,
    occurred_at TIMESTAMPTZ NOT NULL,
    signature_status VARCHAR NOT NULL,
    signature BLOB,
    source_ip VARCHAR,
    duplicate_of UUID,
    payload JSON NOT NULL USING COMPRESSION zstd
);

CREATE TABLE rejected (
    id UUID NOT NULL,
    received_at TIMESTAMPTZ NOT NULL,
    reason VARCHAR NOT NULL,
    path VARCHAR NOT NULL,
    source_ip VARCHAR,
    headers JSON,
    body BLOB NOT NULL
);

-- How far each spool segment has been appended. A row is deleted and inserted, never updated: an update would keep
-- CHECKPOINT from finishing while any reader's transaction is open.
CREATE TABLE watermarks (
    segment VARCHAR NOT NULL,
    kind VARCHAR NOT NULL,
    position BIGINT NOT NULL
);

CREATE VIEW events AS
SELECT * FROM notifications WHERE duplicate_of IS NULL;

CREATE VIEW entities AS
WITH latest AS (
    SELECT
        category,
        entity_id,
        max(seq) AS last_seq,
        min(received_at) AS first_received_at,
        count(*) AS notifications
    FROM events
    WHERE entity_id IS NOT NULL
    GROUP BY category, entity_id
)
SELECT
    latest.category,
    latest.entity_id,
    events.account_alias,
    events.event_type,
    latest.last_seq,
    events.id AS last_id,
    events.received_at AS last_received_at,
    latest.first_received_at,
    coalesce(events.action = 'Deleted', false) AS deleted,
    latest.notifications,
    events.payload
FROM latest
JOIN events ON events.seq = latest.last_seq;

-- The hierarchy as the latest Account bodies tell it. The walk goes up from each account and ends at one that has no
-- parent or was met before, so a cycle of parents can't make it run for ever.
CREATE VIEW accounts AS
WITH RECURSIVE
bodies AS (
    SELECT
        entity_id AS alias,
        payload ->> 'businessName' AS business_name,
        upper(nullif(coalesce(
            payload ->> 'parentAlias',
            list_extract(
                string_split(
                    list_filter(
                        from_json(payload -> 'links', '[{"rel": "VARCHAR", "href": "VARCHAR"}]'),
                        lambda link: link.rel = 'parentAccount'
                    )[1].href,
                    '/'
                ),
                -1
            )
        ), '')) AS parent_alias
    FROM entities
    WHERE category = 'Account'
),
aliases AS (
    SELECT alias FROM bodies
    UNION
    SELECT parent_alias FROM bodies WHERE parent_alias IS NOT NULL
    UNION
    SELECT account_alias FROM notifications WHERE account_alias IS NOT NULL
),
known AS (
    SELECT aliases.alias, bodies.business_name, bodies.parent_alias
    FROM aliases
    LEFT JOIN bodies ON bodies.alias = aliases.alias
),
walk AS (
    SELECT alias, parent_alias AS above, [alias] AS root_path
    FROM known
    UNION ALL
    SELECT walk.alias, known.parent_alias, list_prepend(walk.above, walk.root_path)
    FROM walk
    JOIN known ON known.alias = walk.above
    WHERE NOT list_contains(walk.root_path, walk.above)
)
SELECT
    known.alias,
    known.business_name,
    known.parent_alias,
    max(len(walk.root_path)) - 1 AS depth,
    arg_max(walk.root_path, len(walk.root_path)) AS root_path
FROM known
JOIN walk ON walk.alias = known.alias
GROUP BY known.alias, known.business_name, known.parent_alias;
