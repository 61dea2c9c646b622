-- The notification before which the page at a position (counted from the newest, from 0) begins.
SELECT seq + 1 AS before
FROM notifications
WHERE true
    AND seq <= $upto -- if $upto
    -- include matching.sql
ORDER BY seq DESC
LIMIT 1 OFFSET $position
