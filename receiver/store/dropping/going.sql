-- The notifications received before a moment that no other needs. An entity's history is ordered by place and cut into groups:
-- each of these notifications that states the entity and is no deletion begins one. A notification that stays is compared with
-- those of its own group that were received before the moment, and one that comes later with those of the last group. The group
-- with the last deletion stays, too: what was so before it, such as an alarm, is not so of a new entity of the same name. Events
-- that do not state their entity are compared with nothing: one stays only if it is the entity's last notification.
CREATE OR REPLACE TEMP TABLE going AS
WITH
stateless_events AS (
    SELECT unnest($senders::VARCHAR[]) AS sender, unnest($event_types::VARCHAR[]) AS event_type, true AS stateless
),
-- All others happened later.
steps AS (
    SELECT
        sender, category, entity_id, seq, least(occurred_at, received_at) AS happened_at,
        received_at < make_timestamptz($before::BIGINT) AS may_go,
        coalesce(list_contains($deletions::VARCHAR[], action), false) AS deletes,
        coalesce(stateless, false) AS is_stateless,
        may_go AND NOT deletes AND NOT is_stateless AS begins
    FROM events
    LEFT JOIN stateless_events USING (sender, event_type)
    WHERE entity_id IS NOT NULL AND least(occurred_at, received_at) < make_timestamptz($before::BIGINT)
),
grouped AS (
    SELECT *, sum(begins::INTEGER) OVER history AS number
    FROM steps
    WINDOW history AS (PARTITION BY sender, category, entity_id ORDER BY happened_at, seq ROWS UNBOUNDED PRECEDING)
),
needed AS (
    SELECT seq
    FROM grouped
    WINDOW
        entity AS (PARTITION BY sender, category, entity_id),
        whole_group AS (PARTITION BY sender, category, entity_id, number)
    QUALIFY
        NOT is_stateless
            AND (
                number = max(number) OVER entity
                OR number = max(number) FILTER (WHERE deletes) OVER entity
                OR NOT bool_and(may_go) FILTER (WHERE NOT is_stateless) OVER whole_group
            )
        OR (happened_at, seq) = max((happened_at, seq)) OVER entity
    UNION ALL
    SELECT original.seq
    FROM notifications AS copy
    JOIN notifications AS original ON original.id = copy.duplicate_of
    WHERE copy.received_at >= make_timestamptz($before::BIGINT)
)
SELECT seq, id
FROM notifications
ANTI JOIN needed USING (seq)
WHERE received_at < make_timestamptz($before::BIGINT);
