-- What each Account notification tells of the account's place in the tree. No body, however odd, is an error.
CREATE VIEW account_bodies AS
SELECT
    entity_id AS alias,
    seq,
    try(payload ->> 'businessName') AS business_name,
    try(upper(nullif(coalesce(
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
    ), ''))) AS parent_alias
FROM events
WHERE category = 'Account' AND entity_id IS NOT NULL;

-- The same of each account's latest, kept by the appender: finding those bodies again among millions takes seconds.
-- A row is deleted and inserted, never updated, as in `watermarks`.
CREATE TABLE account_states (
    alias VARCHAR NOT NULL,
    seq BIGINT NOT NULL,
    business_name VARCHAR,
    parent_alias VARCHAR
);

INSERT INTO account_states
FROM account_bodies
WHERE seq IN (SELECT last_seq FROM entities WHERE category = 'Account');

CREATE OR REPLACE VIEW accounts AS
WITH RECURSIVE
aliases AS (
    SELECT alias FROM account_states
    UNION
    SELECT parent_alias FROM account_states WHERE parent_alias IS NOT NULL
    UNION
    SELECT account_alias FROM notifications WHERE account_alias IS NOT NULL
),
known AS (
    SELECT aliases.alias, account_states.business_name, account_states.parent_alias
    FROM aliases
    LEFT JOIN account_states ON account_states.alias = aliases.alias
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
