-- The sender of what was received. All of before is CenturyLink's.
ALTER TABLE notifications ADD COLUMN sender VARCHAR DEFAULT 'centurylink';

ALTER TABLE notifications ALTER COLUMN sender DROP DEFAULT;

ALTER TABLE rejected ADD COLUMN sender VARCHAR DEFAULT 'centurylink';

ALTER TABLE rejected ALTER COLUMN sender DROP DEFAULT;

-- A view keeps the columns that it was made with.
CREATE OR REPLACE VIEW events AS
SELECT * FROM notifications WHERE duplicate_of IS NULL;

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
    events.payload,
    events.sender
FROM latest
JOIN events ON events.seq = latest.last_seq;
