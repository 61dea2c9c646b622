-- Each entity's last step, and the one before it if that last one is a deletion. `max(…, 2)` would find both at once, but its
-- memory grows with the entities and can't go to the disk.
WITH stateless AS (
    SELECT unnest($1::VARCHAR[]) AS sender, unnest($2::VARCHAR[]) AS category
),
stateless_events AS (
    SELECT unnest($3::VARCHAR[]) AS sender, unnest($4::VARCHAR[]) AS event_type
),
places AS (
    -- One number of a time and a `seq` takes half the time that a struct of both takes.
    SELECT
        sender, category, entity_id,
        max(epoch_us(least(occurred_at, received_at)) * 18446744073709551616::HUGEINT + seq) AS place
    FROM events
    ANTI JOIN stateless USING (sender, category)
    ANTI JOIN stateless_events USING (sender, event_type)
    WHERE entity_id IS NOT NULL AND seq <= $5
    GROUP BY sender, category, entity_id
),
heads AS (
    SELECT
        events.sender, events.category, events.entity_id, least(occurred_at, received_at) AS happened_at, seq, action,
        list_contains($6::VARCHAR[], action) AS is_deletion
    FROM events
    JOIN places ON seq = (place & 18446744073709551615)::BIGINT
),
before AS (
    SELECT
        deleted.seq AS head_seq,
        max(struct_pack(
            happened_at := least(occurred_at, received_at), seq := events.seq, action := events.action
        )) AS step
    FROM events
    JOIN (FROM heads WHERE is_deletion) AS deleted USING (sender, category, entity_id)
    ANTI JOIN stateless_events USING (sender, event_type)
    WHERE events.seq <= $5 AND events.seq <> deleted.seq
    GROUP BY deleted.seq
)
SELECT
    sender, category, entity_id, heads.happened_at, heads.seq, heads.action,
    step.happened_at, step.seq, step.action
FROM heads
LEFT JOIN before ON heads.seq = head_seq;
