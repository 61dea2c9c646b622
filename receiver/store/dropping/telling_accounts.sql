-- For each field of an account, the last notification that tells it stays.
WITH bodies AS (
    SELECT
        account_bodies.*,
        struct_pack(happened_at := least(events.occurred_at, events.received_at), seq := seq) AS place
    FROM account_bodies
    JOIN events USING (seq)
),
told AS (
    UNPIVOT bodies ON COLUMNS(lambda name: name NOT IN ('alias', 'seq', 'sender', 'place')) INTO NAME field VALUE value
)
DELETE FROM going
WHERE seq IN (SELECT max_by(seq, place) FROM told GROUP BY sender, alias, field);
