-- The number of rows of each table and view for queries.
SELECT 'notifications' AS table_name, count(*) AS number FROM notifications
UNION ALL
SELECT 'events', count(*) FROM events
UNION ALL
-- Counted without each entity's latest state, which would take five times as long.
SELECT 'entities', count(*)
FROM (
    SELECT DISTINCT
        sender, -- if $several
        category, entity_id
    FROM events
    WHERE entity_id IS NOT NULL
)
UNION ALL
SELECT 'accounts', count(*) FROM accounts
UNION ALL
SELECT 'changes', count(*) FROM changes
UNION ALL
SELECT 'rejected', count(*) FROM rejected
UNION ALL -- if $drops
SELECT 'dropped', count(*) FROM dropped -- if $drops
