-- The first trigger of each alert, or of those of a server, or of some alerts, between two notifications by number.
SELECT
    seq,
    payload ->> '/triggers/0/metric' AS metric,
    payload ->> '/triggers/0/state' AS state,
    (payload -> '/triggers/0/data')::VARCHAR AS reading
FROM notifications
WHERE category = 'Alert' AND seq >= $first AND seq <= $last
    AND entity_id = $entity -- if $entity
    AND seq IN (SELECT unnest($seqs::BIGINT[])) -- if $seqs
