-- The numbers that no notification has, though a later one has the next, as ranges.
SELECT before + 1 AS first, seq - 1 AS last
FROM (SELECT seq, lag(seq, 1, 0) OVER (ORDER BY seq) AS before FROM notifications WHERE seq <= ?)
WHERE seq > before + 1
ORDER BY seq;
