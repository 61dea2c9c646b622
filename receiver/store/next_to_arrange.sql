-- The last of the notifications after one, in order of seq, that fill a row group; how many there are after that one.
SELECT
    (SELECT max(seq) FROM (SELECT seq FROM notifications WHERE seq > $after ORDER BY seq LIMIT $rows)),
    (SELECT count(*) FROM notifications WHERE seq > $after);
