-- The number of an entity's notifications that happened after one of them.
SELECT count(*) AS newer
FROM events, (SELECT least(occurred_at, received_at) AS step_at FROM notifications WHERE seq = $step) AS chosen
WHERE (least(occurred_at, received_at) > step_at OR (least(occurred_at, received_at) = step_at AND seq > $step))
    -- include of_entity.sql
