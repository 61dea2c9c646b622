-- What a valid signature proves, why a signature is not valid, and the sender's own id of a delivery. All signatures of
-- before are of a key pair, and such deliveries have no ids.
ALTER TABLE notifications ADD COLUMN proof VARCHAR DEFAULT 'third-party';

ALTER TABLE notifications ALTER COLUMN proof DROP DEFAULT;

ALTER TABLE notifications ADD COLUMN signature_detail VARCHAR;

ALTER TABLE notifications ADD COLUMN delivery_id VARCHAR;

ALTER TABLE rejected ADD COLUMN signature_detail VARCHAR;

-- A view keeps the columns that it was made with.
CREATE OR REPLACE VIEW events AS
SELECT * FROM notifications WHERE duplicate_of IS NULL;

-- Whether the sender told the value before itself, and the sender of the notification. All of before is CenturyLink's.
ALTER TABLE changes ADD COLUMN told BOOLEAN DEFAULT false;

ALTER TABLE changes ALTER COLUMN told DROP DEFAULT;

ALTER TABLE changes ADD COLUMN sender VARCHAR DEFAULT 'centurylink';

ALTER TABLE changes ALTER COLUMN sender DROP DEFAULT;

ALTER TABLE changes_rebuilt ADD COLUMN told BOOLEAN DEFAULT false;

ALTER TABLE changes_rebuilt ALTER COLUMN told DROP DEFAULT;

ALTER TABLE changes_rebuilt ADD COLUMN sender VARCHAR DEFAULT 'centurylink';

ALTER TABLE changes_rebuilt ALTER COLUMN sender DROP DEFAULT;

ALTER TABLE account_states ADD COLUMN sender VARCHAR DEFAULT 'centurylink';

ALTER TABLE account_states ALTER COLUMN sender DROP DEFAULT;

-- Entities of two senders are two, whatever their ids.
CREATE OR REPLACE VIEW entities AS
WITH latest AS (
    SELECT
        sender,
        category,
        entity_id,
        max(struct_pack(happened_at := least(occurred_at, received_at), seq := seq)).seq AS last_seq,
        min(received_at) AS first_received_at,
        count(*) AS notifications
    FROM events
    WHERE entity_id IS NOT NULL
    GROUP BY sender, category, entity_id
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
    events.payload,
    latest.sender
FROM latest
JOIN events ON events.seq = latest.last_seq;

-- No other sender's bodies tell of an account's name and parent in these fields.
CREATE OR REPLACE VIEW account_bodies AS
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
    sender
FROM events
WHERE sender = 'centurylink' AND category = 'Account' AND entity_id IS NOT NULL;

CREATE OR REPLACE VIEW accounts AS
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

-- The deliveries to which senders gave ids: a number that stands for id, event and body, and the first notification with a
-- valid signature. It has no index: looking a batch up takes less time without one, and the file a fifth of the room.
CREATE TABLE delivery_ids (key BIGINT NOT NULL, seq BIGINT NOT NULL);
