-- Finds the seq up to which the bodies after $after have at most $bytes bytes together; one body always fits.
-- Lengths come from a query of their own: a window over the bodies would keep all of them in memory.
WITH lengths AS (
    SELECT seq, strlen(payload::VARCHAR) AS length
    FROM notifications
    WHERE seq > $after AND seq <= $last
)
SELECT coalesce(max(seq) FILTER (bytes <= $bytes), min(seq))
FROM (SELECT seq, sum(length) OVER (ORDER BY seq) AS bytes FROM lengths)
