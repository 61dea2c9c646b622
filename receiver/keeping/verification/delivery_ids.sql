-- The noted deliveries against the notifications, in one statement and so of one moment.
WITH deliveries AS (
    SELECT
        ('0x' || left(sha256(concat_ws(chr(10), sender, sha256(payload), coalesce(event_type, ''), delivery_id)), 15))::BIGINT
            AS key,
        min(seq) AS seq
    FROM notifications
    WHERE delivery_id IS NOT NULL AND signature_status = 'valid'
    GROUP BY key
)
SELECT 'delivery_ids: rows' AS name, (SELECT count(*) FROM deliveries) AS expected, (SELECT count(*) FROM delivery_ids) AS found
UNION ALL
SELECT
    'delivery_ids: those that agree with the first notification of each delivery',
    (SELECT count(*) FROM deliveries),
    (SELECT count(*) FROM (FROM deliveries INTERSECT FROM delivery_ids));
