-- A store of an older version lacks the columns that came later.
WITH received AS (
    SELECT * FROM notifications WHERE seq > ? AND seq <= ?
    UNION ALL BY NAME
    SELECT NULL::VARCHAR AS key_fingerprint, NULL::VARCHAR AS sender WHERE false
)
SELECT /* columns */ *
FROM received
ORDER BY seq;
