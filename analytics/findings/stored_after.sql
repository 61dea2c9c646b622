-- Those of these notifications that were stored after later ones, as from another machine or an archive, and the receipt of
-- the latest of those. Or the notification that happened before it, with which it is compared, was stored after it: then the
-- latest receipt until that was stored. A rule of one's own may return a text that is no id.
WITH wanted AS (
    SELECT
        id, seq, received_at, sender, category, if(duplicate_of IS NULL, entity_id, NULL) AS entity_id,
        epoch_us(least(occurred_at, received_at)) * 18446744073709551616::HUGEINT + seq AS place
    FROM notifications
    WHERE id IN (SELECT TRY_CAST(unnest($ids::VARCHAR[]) AS UUID))
), suspects AS MATERIALIZED (
    -- Nearly always none: so only for these all notifications are looked through.
    SELECT wanted.*
    FROM wanted
    ASOF JOIN (
        SELECT
            sender, category, entity_id, seq,
            epoch_us(least(occurred_at, received_at)) * 18446744073709551616::HUGEINT + seq AS place
        FROM notifications
        WHERE seq > (SELECT min(seq) FROM wanted) AND entity_id IN (SELECT entity_id FROM wanted) AND duplicate_of IS NULL
    ) AS previous
        ON previous.sender = wanted.sender AND previous.category = wanted.category
            AND previous.entity_id = wanted.entity_id AND previous.place < wanted.place
    WHERE previous.seq > wanted.seq
), moments AS (
    SELECT id, seq, received_at, true AS is_own
    FROM wanted
    UNION ALL
    SELECT suspects.id, previous.seq, suspects.received_at, false
    FROM suspects
    ASOF JOIN (
        SELECT
            sender, category, entity_id, seq,
            epoch_us(least(occurred_at, received_at)) * 18446744073709551616::HUGEINT + seq AS place
        FROM notifications
        WHERE entity_id IN (SELECT entity_id FROM suspects) AND duplicate_of IS NULL
    ) AS previous
        ON previous.sender = suspects.sender AND previous.category = suspects.category
            AND previous.entity_id = suspects.entity_id AND previous.place < suspects.place
    WHERE previous.seq > suspects.seq
), parts AS (
    SELECT seq // 128 AS part, max(received_at) AS latest
    FROM notifications
    WHERE seq <= (SELECT max(seq) FROM moments)
    GROUP BY part
), before AS (
    SELECT part, max(latest) OVER (ORDER BY part ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS latest
    FROM parts
), told AS (
    SELECT moments.*, greatest(any_value(before.latest), max(others.received_at)) AS latest
    FROM moments
    JOIN before ON before.part = moments.seq // 128
    LEFT JOIN notifications AS others
        ON others.seq // 128 = moments.seq // 128 AND others.seq <= moments.seq - is_own::BIGINT
    GROUP BY ALL
)
SELECT id::VARCHAR AS id, max(latest) AS latest
FROM told
WHERE NOT is_own OR latest > received_at
GROUP BY id
