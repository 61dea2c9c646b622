-- The deleted ones of these servers, with the time: their last notification in order of events is a deletion.
SELECT entity_id, latest.at AS deleted_at
FROM (
    SELECT entity_id, max(struct_pack(at := least(occurred_at, received_at), seq := seq, action := action)) AS latest
    FROM events
    WHERE sender = 'centurylink' AND category = 'Server' AND entity_id IN (SELECT unnest($ids::VARCHAR[]))
    GROUP BY entity_id
)
WHERE latest.action = 'Deleted'
