SELECT segment, kind, position, holds, {columns}, checksum, found
FROM (
    SELECT
        *,
        sum(coalesce(octet_length(payload), octet_length(body) + octet_length(headers), 0)) OVER (
            ORDER BY part, position
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS bytes_before,
        count(*) OVER () AS found
    FROM unnest(%s::TEXT[], %s::TEXT[], %s::BIGINT[], %s::BIGINT[])
        WITH ORDINALITY AS parts (of_segment, of_kind, after, last, part)
    CROSS JOIN LATERAL (
        SELECT *
        FROM clc_spool.rows
        WHERE segment = of_segment AND kind = of_kind AND position > after AND position <= last
        ORDER BY position
    ) AS of_part
) AS counted
WHERE coalesce(bytes_before, 0) < %s
ORDER BY part, position;
