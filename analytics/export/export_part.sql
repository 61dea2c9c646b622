-- Notifications between two numbers with all columns, in order, up to a limit for the bytes of their bodies.
WITH chosen AS (
    SELECT * REPLACE (id::VARCHAR AS id, duplicate_of::VARCHAR AS duplicate_of, payload::VARCHAR AS payload)
    FROM notifications
    WHERE seq >= $first AND seq <= $last
        -- include matching_command.sql
    ORDER BY seq
    LIMIT $page_rows
), measured AS (
    SELECT *, sum(strlen(payload)) OVER (ORDER BY seq ROWS UNBOUNDED PRECEDING) - strlen(payload) AS bytes_before
    FROM chosen
)
SELECT * EXCLUDE (bytes_before)
FROM measured
WHERE bytes_before < $most
ORDER BY seq
