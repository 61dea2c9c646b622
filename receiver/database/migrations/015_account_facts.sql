-- What accounts' notifications told last, each field by itself: one of an old form, or of a deletion, does not tell all.
CREATE VIEW account_facts AS
WITH told AS (
    SELECT
        account_bodies.*,
        struct_pack(happened_at := least(events.occurred_at, events.received_at), seq := seq) AS place
    FROM account_bodies
    JOIN events USING (seq)
)
SELECT
    alias,
    max(place).seq AS seq,
    arg_max(COLUMNS(lambda name: name NOT IN ('alias', 'seq', 'sender', 'place')), place),
    sender
FROM told
GROUP BY sender, alias;

DELETE FROM account_states;

INSERT INTO account_states FROM account_facts;
