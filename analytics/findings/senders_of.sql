-- The senders of notifications by their ids; a rule of one's own may return a text that is none.
SELECT id::VARCHAR AS id, sender
FROM notifications
WHERE id IN (SELECT TRY_CAST(unnest($ids::VARCHAR[]) AS UUID))
