-- The first trigger of each alert of a server, between two notifications by number.
SELECT seq, payload ->> '/triggers/0/metric' AS metric, payload ->> '/triggers/0/state' AS state
FROM notifications
WHERE entity_id = $entity AND category = 'Alert' AND seq >= $first AND seq <= $last
