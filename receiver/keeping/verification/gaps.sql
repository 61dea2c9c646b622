-- The numbers beyond one that no notification has, though a later one has the next, as ranges.
SELECT before + 1 AS first, seq - 1 AS last
FROM (
    SELECT seq, lag(seq, 1, ?::BIGINT) OVER (ORDER BY seq) AS before
    FROM notifications
    WHERE seq > ? AND seq <= ?
)
WHERE seq > before + 1
ORDER BY seq;
