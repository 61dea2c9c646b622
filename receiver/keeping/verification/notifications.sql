-- A store of an older version lacks the columns that came later: its rows have the values that an upgrade gives them.
WITH received AS (
    SELECT * FROM notifications WHERE seq > $1 AND seq <= $2
    UNION ALL BY NAME
    SELECT
        NULL::VARCHAR AS key_fingerprint, NULL::VARCHAR AS sender, NULL::VARCHAR AS proof,
        NULL::VARCHAR AS signature_detail, NULL::VARCHAR AS delivery_id
    WHERE false
)
SELECT /* columns */ *
FROM (SELECT * REPLACE (coalesce(sender, $3) AS sender, coalesce(proof, $4) AS proof) FROM received)
ORDER BY seq;
