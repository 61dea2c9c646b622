-- Each entity's last step, and the one before it.
WITH stateless AS (
    SELECT unnest($1::VARCHAR[]) AS sender, unnest($2::VARCHAR[]) AS category
),
places AS (
    -- One number of a time and a `seq` takes half the time that a struct of both takes.
    SELECT
        sender, category, entity_id,
        max(epoch_us(least(occurred_at, received_at)) * 18446744073709551616::HUGEINT + seq, 2) AS latest
    FROM events
    ANTI JOIN stateless USING (sender, category)
    WHERE entity_id IS NOT NULL AND seq <= $3
    GROUP BY sender, category, entity_id
),
seqs AS (
    SELECT
        sender, category, entity_id,
        (latest[1] & 18446744073709551615)::BIGINT AS last_seq, (latest[2] & 18446744073709551615)::BIGINT AS seq_before
    FROM places
)
SELECT
    seqs.sender, seqs.category, seqs.entity_id,
    least(head.occurred_at, head.received_at), head.seq, head.action,
    least(before.occurred_at, before.received_at), before.seq, before.action
FROM seqs
JOIN events AS head ON head.seq = last_seq
LEFT JOIN events AS before ON before.seq = seq_before;
