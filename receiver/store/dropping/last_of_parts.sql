-- Of a category whose bodies each tell a part of what is so, the last notification that tells each part stays.
DELETE FROM going
WHERE seq IN (
    SELECT max_by(seq, place)
    FROM (
        SELECT
            seq, entity_id,
            struct_pack(happened_at := least(occurred_at, received_at), seq := seq) AS place,
            unnest(payload -> $items) AS part
        FROM events
        WHERE sender = $sender AND category = $category AND entity_id IS NOT NULL
    )
    GROUP BY entity_id, lower((part ->> $values::VARCHAR[])::VARCHAR)
);
