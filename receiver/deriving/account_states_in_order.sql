-- The states of accounts after notifications that came in order: what these tell, and else what was told before.
WITH told AS (
    SELECT account_bodies.*, place
    FROM account_bodies
    JOIN (SELECT unnest($seqs::BIGINT[]) AS seq, generate_subscripts($seqs::BIGINT[], 1) AS place) USING (seq)
    WHERE seq IN (SELECT unnest($seqs::BIGINT[]))
    UNION ALL
    SELECT *, 0 AS place
    FROM account_states
    WHERE (sender, alias) IN (SELECT (unnest($senders::VARCHAR[]), unnest($aliases::VARCHAR[])))
)
INSERT INTO account_states
SELECT alias, arg_max(seq, place) AS seq, arg_max(COLUMNS(lambda name: name NOT IN ('alias', 'seq', 'sender', 'place')), place), sender
FROM told
GROUP BY sender, alias;
