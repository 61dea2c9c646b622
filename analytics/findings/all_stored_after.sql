-- All notifications that were stored after later ones, and the receipt of the latest of those: for more notifications than
-- one query can be asked about.
SELECT id::VARCHAR AS id, latest
FROM (
    SELECT
        id, received_at,
        max(received_at) OVER (ORDER BY seq ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS latest
    FROM notifications
)
WHERE latest > received_at
