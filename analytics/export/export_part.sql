-- Notifications between two numbers with all columns, in order, up to a limit for the bytes of their bodies; of the first
-- number those after an id. In a lake of several stores more than one has a number.
WITH chosen AS (
    SELECT * REPLACE (id::VARCHAR AS id, duplicate_of::VARCHAR AS duplicate_of, payload::VARCHAR AS payload)
    FROM notifications
    WHERE seq >= $first AND seq <= $last
        AND (seq > $first OR id > $after::UUID) -- if $after
        -- include matching.sql
        AND (list_contains($events::VARCHAR[], event_type) OR list_contains($events::VARCHAR[], category)) -- if $events
        AND list_contains($accounts::VARCHAR[], as_entity_id(account_alias)) -- if $accounts
    ORDER BY seq, notifications.id
    LIMIT $page_rows
), measured AS (
    SELECT *, sum(strlen(payload)) OVER (ORDER BY seq, id ROWS UNBOUNDED PRECEDING) - strlen(payload) AS bytes_before
    FROM chosen
)
SELECT * EXCLUDE (bytes_before)
FROM measured
WHERE bytes_before < $most
ORDER BY seq, id
