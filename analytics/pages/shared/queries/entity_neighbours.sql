-- The notifications of an entity just before and just after one of them, and their numbers.
-- Copies are left out.
WITH here AS (
    SELECT
        sender AS whose_sender, -- if $several
        seq AS step,
        least(occurred_at, received_at) AS step_at,
        entity_id AS name,
        kind_of(category) AS whose
    FROM notifications
    WHERE seq = $seq
), others AS (
    SELECT
        seq,
        least(occurred_at, received_at) AS happened_at,
        happened_at < step_at OR (happened_at = step_at AND seq < step) AS before,
        seq = step AS same
    FROM events, here
    WHERE entity_id = name AND kind_of(category) = whose
        AND sender = whose_sender -- if $several
)
SELECT
    max(struct_pack(moment := happened_at, seq := seq)) FILTER (WHERE before).seq AS earlier,
    min(struct_pack(moment := happened_at, seq := seq)) FILTER (WHERE NOT before AND NOT same).seq AS later,
    count(*) FILTER (WHERE before) AS earlier_ones,
    count(*) AS notifications
FROM others
