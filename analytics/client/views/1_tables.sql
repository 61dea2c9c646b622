-- The tables of the store, over those of the lake: with the same columns and types. Parquet has ids and JSON as texts.
CREATE TEMP VIEW notifications AS
SELECT * REPLACE (id::UUID AS id, duplicate_of::UUID AS duplicate_of, payload::JSON AS payload)
FROM lake_notifications;

CREATE TEMP VIEW changes AS
SELECT
    * REPLACE (
        notification_id::UUID AS notification_id,
        old_value::JSON AS old_value,
        new_value::JSON AS new_value
    )
FROM lake_changes;

CREATE TEMP VIEW rejected AS
SELECT * REPLACE (id::UUID AS id, headers::JSON AS headers)
FROM lake_rejected;

CREATE TEMP VIEW events AS
SELECT * FROM notifications WHERE duplicate_of IS NULL;

-- As in the store, but by ids: `seq` is the number in the store that wrote a month, and another may have written the next.
CREATE TEMP VIEW entities AS
WITH latest AS (
    SELECT
        sender,
        category,
        entity_id,
        max(struct_pack(
            happened_at := least(occurred_at, received_at),
            received_at := received_at,
            id := id
        )).id AS last_id,
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
    events.seq AS last_seq,
    latest.last_id,
    events.received_at AS last_received_at,
    latest.first_received_at,
    coalesce(events.action = 'Deleted', false) AS deleted,
    latest.notifications,
    events.payload,
    latest.sender
FROM latest
JOIN events ON events.id = latest.last_id;
