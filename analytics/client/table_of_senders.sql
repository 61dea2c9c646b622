-- The table of senders, which a lake and an old backup lack.
SELECT table_name
FROM information_schema.tables
WHERE table_name = 'senders'
