-- Those of these notifications that were stored after later ones, as from another machine or an archive, and the receipt of
-- the latest of those. A rule of one's own may return a text that is no id.
WITH wanted AS (
    SELECT id::VARCHAR AS id, seq, received_at, seq // 128 AS part
    FROM notifications
    WHERE id IN (SELECT TRY_CAST(unnest($ids::VARCHAR[]) AS UUID))
), parts AS (
    SELECT seq // 128 AS part, max(received_at) AS latest
    FROM notifications
    WHERE seq <= (SELECT max(seq) FROM wanted)
    GROUP BY part
), before AS (
    SELECT part, max(latest) OVER (ORDER BY part ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS latest
    FROM parts
)
SELECT wanted.id, greatest(any_value(before.latest), max(others.received_at)) AS latest
FROM wanted
JOIN before ON before.part = wanted.part
LEFT JOIN notifications AS others ON others.seq // 128 = wanted.part AND others.seq < wanted.seq
GROUP BY wanted.id, wanted.received_at
HAVING greatest(any_value(before.latest), max(others.received_at)) > wanted.received_at
