-- The signatures of other senders than some.
WITH received AS (
    SELECT * FROM notifications WHERE signature_status <> 'missing'
    UNION ALL BY NAME
    SELECT NULL::VARCHAR AS sender WHERE false
)
SELECT count(*)
FROM received
WHERE coalesce(sender, $2) NOT IN (SELECT unnest($1::VARCHAR[]));
