-- The numbers of the next newer page of the list after a notification, oldest first.
SELECT seq
FROM notifications
WHERE true
    AND seq > $after -- if $after
    AND seq <= $upto -- if $upto
    -- include matching.sql
ORDER BY seq
LIMIT $page_rows
