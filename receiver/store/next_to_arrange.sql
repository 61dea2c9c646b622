-- The seq of notification number $rows after $after, and how many there are up to $until; the count ends at $enough.
SELECT
    (SELECT max(seq) FROM (SELECT seq FROM notifications WHERE seq > $after AND seq <= $until ORDER BY seq LIMIT $rows)),
    (SELECT count(*) FROM (SELECT seq FROM notifications WHERE seq > $after AND seq <= $until LIMIT $enough));
