CREATE TABLE changes (
    notification_id UUID NOT NULL,
    seq BIGINT NOT NULL,
    changed_at TIMESTAMPTZ NOT NULL,
    category VARCHAR NOT NULL,
    entity_id VARCHAR NOT NULL,
    account_alias VARCHAR,
    actor VARCHAR,
    path VARCHAR NOT NULL,
    kind VARCHAR NOT NULL,
    noise BOOLEAN NOT NULL,
    old_value JSON,
    new_value JSON
);

-- The new `changes` during a rebuild, until it replaces the old one.
CREATE TABLE changes_rebuilt (
    notification_id UUID NOT NULL,
    seq BIGINT NOT NULL,
    changed_at TIMESTAMPTZ NOT NULL,
    category VARCHAR NOT NULL,
    entity_id VARCHAR NOT NULL,
    account_alias VARCHAR,
    actor VARCHAR,
    path VARCHAR NOT NULL,
    kind VARCHAR NOT NULL,
    noise BOOLEAN NOT NULL,
    old_value JSON,
    new_value JSON
);

-- The progress of a rebuild: one row while it runs, else none.
CREATE TABLE rebuilding (last_seq BIGINT NOT NULL);

-- A store from before this step has notifications whose changes nobody derived yet.
INSERT INTO rebuilding SELECT 0 FROM notifications LIMIT 1;

-- The latest state of an entity is the one that happened last, whichever arrived last; nothing happens after it arrived.
CREATE OR REPLACE VIEW entities AS
WITH latest AS (
    SELECT
        category,
        entity_id,
        max(struct_pack(happened_at := least(occurred_at, received_at), seq := seq)).seq AS last_seq,
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
