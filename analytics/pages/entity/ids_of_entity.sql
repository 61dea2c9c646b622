-- Those of these notifications that are an entity's.
SELECT id::VARCHAR AS id
FROM notifications
WHERE id IN (SELECT unnest($ids::UUID[]))
    -- include of_entity.sql
