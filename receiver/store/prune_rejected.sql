DELETE FROM rejected
WHERE reason <> 'not_storable'
AND id IN (
    SELECT id
    FROM rejected
    WHERE reason <> 'not_storable'
    QUALIFY sum(100 + strlen(path) + strlen(headers) + octet_length(body)) OVER (ORDER BY received_at DESC, id DESC) > ?
);
