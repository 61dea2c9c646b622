-- Of the notifications between two: the seq of the last of the first so many, and how many there are, counted until they
-- are enough.
SELECT
    (SELECT max(seq) FROM (SELECT seq FROM notifications WHERE seq > $after AND seq <= $until ORDER BY seq LIMIT $rows)),
    (SELECT count(*) FROM (SELECT seq FROM notifications WHERE seq > $after AND seq <= $until LIMIT $enough));
