-- The deleted ones of these servers: their last notification in order of events is a deletion.
SELECT entity_id
FROM events
WHERE sender = 'centurylink' AND category = 'Server' AND entity_id IN (SELECT unnest($ids::VARCHAR[]))
GROUP BY entity_id
HAVING max(struct_pack(at := least(occurred_at, received_at), seq := seq, action := action)).action = 'Deleted'
