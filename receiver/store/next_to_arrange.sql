-- Of the notifications after one, up to another, the last of the first so many in order of seq; how many there are.
SELECT
    (SELECT max(seq) FROM (SELECT seq FROM notifications WHERE seq > $after AND seq <= $until ORDER BY seq LIMIT $rows)),
    (SELECT count(*) FROM notifications WHERE seq > $after AND seq <= $until);
