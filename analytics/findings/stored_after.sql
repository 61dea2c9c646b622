-- Those of these notifications that were stored after later ones, as from another machine or an archive, and the receipt of
-- the latest of those. Or something that a rule looks at for them was stored after them: then the latest receipt until that
-- was stored. A rule of one's own may return a text that is no id.
-- A rule looks at an entity's changes of a day back, and these come from a comparison with the notification before, or with
-- the one before that if it is a deletion.
WITH wanted AS (
    SELECT id, seq, received_at, entity_id
    FROM notifications
    WHERE id IN (SELECT TRY_CAST(unnest($ids::VARCHAR[]) AS UUID))
), alike AS (
    SELECT
        id, sender, category, entity_id, seq,
        epoch_us(least(occurred_at, received_at)) * 18446744073709551616::HUGEINT + seq AS place
    FROM notifications
    WHERE entity_id IN (SELECT entity_id FROM wanted) AND duplicate_of IS NULL
), suspects AS MATERIALIZED (
    -- Nearly always none: so only for these all notifications are looked through.
    SELECT sender, category, entity_id
    FROM (
        SELECT *, max(seq) OVER (PARTITION BY sender, category, entity_id ORDER BY place) AS last_seq
        FROM alike
        WHERE seq >= (SELECT min(seq) FROM wanted)
    )
    WHERE last_seq > seq AND id IN (SELECT id FROM wanted)
), compared AS (
    SELECT *, max(seq) OVER (PARTITION BY sender, category, entity_id ORDER BY place ROWS 2 PRECEDING) AS last_seq
    FROM alike
    SEMI JOIN suspects USING (sender, category, entity_id)
), looked_at AS (
    SELECT
        id,
        seq,
        max(last_seq) OVER (
            PARTITION BY sender, category, entity_id
            ORDER BY place
            RANGE 86400000000 * 18446744073709551616::HUGEINT PRECEDING
        ) AS last_seq
    FROM compared
), moments AS (
    SELECT id, seq, received_at, true AS is_own
    FROM wanted
    UNION ALL
    SELECT id, looked_at.last_seq, received_at, false
    FROM wanted
    JOIN looked_at USING (id)
    WHERE looked_at.last_seq > wanted.seq
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
