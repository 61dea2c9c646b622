-- How many of an entity's notifications happened after one of them.
SELECT count(*) AS newer
FROM events, (SELECT occurred_at AS step_at FROM notifications WHERE seq = $step) AS chosen
WHERE (occurred_at > step_at OR (occurred_at = step_at AND seq > $step))
    -- include of_entity.sql
