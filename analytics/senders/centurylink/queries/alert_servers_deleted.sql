-- Which of these servers are deleted, and since when: those of which the notification says so that happened last.
SELECT entity_id, latest.at AS deleted_at
FROM (
    SELECT entity_id, max(struct_pack(at := least(occurred_at, received_at), seq := seq, action := action)) AS latest
    FROM events
    WHERE category = 'Server' AND entity_id IN (SELECT unnest($ids::VARCHAR[]))
    GROUP BY entity_id
)
WHERE latest.action = 'Deleted'
