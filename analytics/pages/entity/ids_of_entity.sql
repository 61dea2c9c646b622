-- Which of these notifications are of an entity.
SELECT id::VARCHAR AS id
FROM notifications
WHERE id IN (SELECT unnest($ids::UUID[]))
    -- include of_entity.sql
