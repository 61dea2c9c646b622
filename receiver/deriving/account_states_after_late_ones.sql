-- The states of accounts that all of their notifications tell. Both sides of the join are filtered by name: in a large store that
-- takes a tenth of the time.
WITH told AS (
    SELECT
        bodies.*,
        struct_pack(happened_at := least(events.occurred_at, events.received_at), seq := bodies.seq) AS place
    FROM (FROM account_bodies WHERE alias IN (SELECT unnest($aliases::VARCHAR[]))) AS bodies
    JOIN (FROM events WHERE entity_id IN (SELECT unnest($aliases::VARCHAR[]))) AS events USING (seq)
    WHERE (bodies.sender, alias) IN (SELECT (unnest($senders::VARCHAR[]), unnest($aliases::VARCHAR[])))
)
INSERT INTO account_states
SELECT alias, max(place).seq AS seq, arg_max(COLUMNS(lambda name: name NOT IN ('alias', 'seq', 'sender', 'place')), place), sender
FROM told
GROUP BY sender, alias;
