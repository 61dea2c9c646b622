-- The bodies of such a category each tell a part of what is so. A reader asks later what was so at a moment, and since when.
-- So the last notification of each part stays, and those that began its last two states. The state before the last one stays
-- so that nothing older, which stays for another reason, is taken for the begin. If a notification that was received later
-- tells of a time before the moment, the last two states before that time stay, and all states that began since then.
WITH items AS (
    SELECT
        seq, entity_id, account_alias, occurred_at, received_at,
        unnest(payload -> $items) ->> $paths::VARCHAR[] AS told,
        generate_subscripts(payload -> $items, 1) AS position
    FROM events
    WHERE sender = $sender AND category = $category
),
states AS (
    SELECT
        seq,
        entity_id,
        if(entity_id IS NULL, account_alias, NULL) AS account,
        lower(coalesce(told[1], '')) AS name,
        lower(told[2]) AS state,
        -- A date alone is no time, nor is one of the year 1, which stands for a date that was never set.
        list_transform(
            told[3:],
            lambda text: CASE
                WHEN regexp_matches(text, '^[1-9][0-9]{3}-[0-9]{2}-[0-9]{2}[Tt ]') THEN TRY_CAST(upper(text) AS TIMESTAMPTZ)
            END
        ) AS times,
        least(coalesce(times[list_position($states::VARCHAR[], state)], list_min(times), occurred_at), received_at)
            AS happened_at,
        struct_pack(happened_at := happened_at, seq := seq, position := position) AS place,
        received_at < make_timestamptz($before::BIGINT) AS may_go
    FROM items
    WHERE list_contains($states::VARCHAR[], lower(told[2])) AND happened_at < make_timestamptz($before::BIGINT)
),
-- A deletion ends the states of all parts of its entity.
history AS (
    SELECT seq, entity_id, account, name, state, place, may_go
    FROM states
    UNION ALL
    SELECT
        seq, entity_id, NULL, name, NULL,
        struct_pack(happened_at := least(occurred_at, received_at), seq := seq, position := 0),
        received_at < make_timestamptz($before::BIGINT)
    FROM events
    JOIN (SELECT DISTINCT entity_id, name FROM states) USING (entity_id)
    WHERE
        sender = $sender AND category = $entities AND list_contains($deletions::VARCHAR[], action)
        AND least(occurred_at, received_at) < make_timestamptz($before::BIGINT)
),
steps AS (
    SELECT
        *,
        state IS DISTINCT FROM lag(state) OVER (PARTITION BY entity_id, account, name ORDER BY place) AS begins
    FROM history
),
numbered AS (
    SELECT
        *,
        sum(begins::INTEGER) OVER (PARTITION BY entity_id, account, name ORDER BY place ROWS UNBOUNDED PRECEDING)
            AS number
    FROM steps
)
DELETE FROM going
WHERE seq IN (
    SELECT seq
    FROM numbered
    WINDOW part AS (PARTITION BY entity_id, account, name)
    QUALIFY
        place = max(place) OVER part
        OR begins
            AND number >= least(max(number) OVER part, min(number - begins::INTEGER) FILTER (NOT may_go) OVER part) - 1
);
