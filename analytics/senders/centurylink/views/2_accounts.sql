-- The accounts of a lake, with their place in the hierarchy, as the store has them.
CREATE TEMP VIEW account_bodies AS
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
    ), ''))) AS parent_alias,
    sender,
    least(occurred_at, received_at) AS happened_at
FROM events
WHERE sender = 'centurylink' AND category = 'Account' AND entity_id IS NOT NULL;

-- A notification of an old form, or of a deletion, tells no parent or no name: the one that was told last counts.
CREATE TEMP VIEW account_states AS
SELECT
    alias,
    max(struct_pack(happened_at := happened_at, seq := seq)).seq AS seq,
    arg_max(business_name, struct_pack(happened_at := happened_at, seq := seq)) AS business_name,
    arg_max(parent_alias, struct_pack(happened_at := happened_at, seq := seq)) AS parent_alias,
    sender
FROM account_bodies
GROUP BY sender, alias;

CREATE TEMP VIEW accounts AS
WITH RECURSIVE
aliases AS (
    SELECT sender, alias FROM account_states
    UNION
    SELECT sender, parent_alias FROM account_states WHERE parent_alias IS NOT NULL
    UNION
    SELECT sender, account_alias FROM notifications WHERE account_alias IS NOT NULL
),
known AS (
    SELECT aliases.sender, aliases.alias, account_states.business_name, account_states.parent_alias
    FROM aliases
    LEFT JOIN account_states ON account_states.sender = aliases.sender AND account_states.alias = aliases.alias
),
walk AS (
    SELECT sender, alias, parent_alias AS above, [alias] AS root_path
    FROM known
    UNION ALL
    SELECT walk.sender, walk.alias, known.parent_alias, list_prepend(walk.above, walk.root_path)
    FROM walk
    JOIN known ON known.sender = walk.sender AND known.alias = walk.above
    WHERE NOT list_contains(walk.root_path, walk.above)
)
SELECT
    known.alias,
    known.business_name,
    known.parent_alias,
    max(len(walk.root_path)) - 1 AS depth,
    arg_max(walk.root_path, len(walk.root_path)) AS root_path,
    known.sender
FROM known
JOIN walk ON walk.sender = known.sender AND walk.alias = known.alias
GROUP BY known.sender, known.alias, known.business_name, known.parent_alias;
