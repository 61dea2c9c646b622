-- The size of a download of the newest notifications: the first number, the number of notifications, the bytes of their
-- bodies, and the number of bodies with more characters than a cell of Excel holds.
WITH newest AS (
    SELECT seq
    FROM notifications
    WHERE seq <= $upto
        -- include matching.sql
    ORDER BY seq DESC
    LIMIT $page_rows
), chosen AS (
    SELECT seq, strlen(payload::VARCHAR) AS bytes, length(payload::VARCHAR) AS characters
    FROM notifications
    WHERE seq >= (SELECT min(seq) FROM newest) AND seq <= $upto
        -- include matching.sql
), measured AS (
    SELECT *, sum(bytes) OVER (ORDER BY seq DESC ROWS UNBOUNDED PRECEDING) - bytes AS bytes_before
    FROM chosen
)
SELECT
    min(seq) AS first,
    count(*) AS notifications,
    coalesce(sum(bytes), 0)::BIGINT AS bytes,
    count(*) FILTER (WHERE characters > $longest) AS long_ones
FROM measured
WHERE bytes_before < $most
