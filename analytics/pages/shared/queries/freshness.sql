-- The times of receipt of the first and the newest notification, and the number of all; since when all are here, and the last
-- of those that were dropped.
SELECT
    (SELECT max(before) FROM dropped) AS complete_since, (SELECT max(last_seq) FROM dropped) AS last_dropped, -- if $drops
    min(received_at) AS first, max(received_at) AS newest, count(*) AS notifications
FROM notifications
