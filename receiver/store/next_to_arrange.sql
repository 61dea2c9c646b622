-- The seq of notification number $rows after $after, or of the last one up to $until if there are fewer; and how many there
-- are up to $until, counted no further than $enough.
SELECT
    (SELECT max(seq) FROM (SELECT seq FROM notifications WHERE seq > $after AND seq <= $until ORDER BY seq LIMIT $rows)),
    (SELECT count(*) FROM (SELECT seq FROM notifications WHERE seq > $after AND seq <= $until LIMIT $enough));
