-- Of the notifications between two: the seq of the last of the first whose bodies have so many bytes together, one at least.
SELECT coalesce(max(seq) FILTER (bytes <= $bytes), min(seq))
FROM (
    SELECT seq, sum(strlen(payload::VARCHAR)) OVER (ORDER BY seq) AS bytes
    FROM notifications
    WHERE seq > $after AND seq <= $last
)
