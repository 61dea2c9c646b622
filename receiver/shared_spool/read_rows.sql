SELECT position, holds, {columns}, checksum
FROM (
    SELECT
        *,
        sum(coalesce(octet_length(payload), octet_length(body) + octet_length(headers), 0)) OVER (
            ORDER BY position
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS bytes_before
    FROM (
        SELECT *
        FROM clc_spool.rows
        WHERE segment = %s AND kind = %s AND position > %s AND position <= %s
        ORDER BY position
        LIMIT %s
    ) AS next
) AS counted
WHERE coalesce(bytes_before, 0) < %s
ORDER BY position;
