-- The notification before which the page at a position begins; positions count from 0 at the newest.
SELECT seq + 1 AS before
FROM notifications
WHERE true
    AND seq <= $upto -- if $upto
    -- include matching.sql
ORDER BY seq DESC
LIMIT 1 OFFSET $position
