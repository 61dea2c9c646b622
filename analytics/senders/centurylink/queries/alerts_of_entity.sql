-- The first trigger of each alert, or of those of a server, between two notifications by number.
SELECT seq, payload ->> '/triggers/0/metric' AS metric, payload ->> '/triggers/0/state' AS state
FROM notifications
WHERE category = 'Alert' AND seq >= $first AND seq <= $last
    AND entity_id = $entity -- if $entity
