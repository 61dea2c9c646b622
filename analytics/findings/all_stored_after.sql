-- Every notification that was stored after one received later, and the latest receipt among those before it: for more ids
-- than fit into a request.
SELECT id::VARCHAR AS id, latest
FROM (
    SELECT
        id, received_at,
        max(received_at) OVER (ORDER BY seq ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS latest
    FROM notifications
)
WHERE latest > received_at
