-- Of a category whose bodies each tell a part of what is so, what was so at a moment is known later, and since when: of each
-- part the last notification before the moment that tells each state stays, and the one that began the last of these states.
WITH told AS (
    SELECT
        seq, entity_id,
        struct_pack(happened_at := least(occurred_at, received_at), seq := seq) AS place,
        list_transform(
            unnest(payload -> $items) ->> $values::VARCHAR[], lambda value: lower(value)
        ) AS part
    FROM events
    WHERE
        sender = $sender AND category = $category AND entity_id IS NOT NULL
        AND received_at < make_timestamptz($before::BIGINT)
),
steps AS (
    SELECT
        *,
        part[:-2] AS named,
        part IS DISTINCT FROM lag(part) OVER (PARTITION BY entity_id, part[:-2] ORDER BY place) AS begins
    FROM told
)
DELETE FROM going
WHERE seq IN (
    SELECT max_by(seq, place) FROM steps GROUP BY entity_id, part
    UNION ALL
    SELECT max_by(seq, place) FROM steps WHERE begins GROUP BY entity_id, named
);
