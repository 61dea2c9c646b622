-- The number of an entity's notifications that happened before a moment.
SELECT count(*) AS steps
FROM events
WHERE least(occurred_at, received_at) < $until::TIMESTAMPTZ
    -- include of_entity.sql
