DELETE FROM rejected
WHERE reason NOT IN ('not_storable', 'damaged_in_spool')
AND id IN (
    SELECT id
    FROM rejected
    WHERE reason NOT IN ('not_storable', 'damaged_in_spool')
    QUALIFY sum(100 + strlen(path) + strlen(headers) + octet_length(body)) OVER (
        PARTITION BY reason
        ORDER BY received_at DESC, id DESC
    ) > ?
);
