-- How many rows each table and view has that queries are asked of.
SELECT 'notifications' AS table_name, count(*) AS number FROM notifications
UNION ALL
SELECT 'events', count(*) FROM events
UNION ALL
-- Counted without finding each one's latest state, which takes five times as long.
SELECT 'entities', count(*) FROM (SELECT DISTINCT category, entity_id FROM events WHERE entity_id IS NOT NULL)
UNION ALL
SELECT 'accounts', count(*) FROM accounts
UNION ALL
SELECT 'changes', count(*) FROM changes
UNION ALL
SELECT 'rejected', count(*) FROM rejected
