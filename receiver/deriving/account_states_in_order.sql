-- The states of accounts after notifications that came in order: what these tell, and else what was told before.
WITH told AS (
    FROM account_bodies
    WHERE seq IN (SELECT unnest($seqs::BIGINT[]))
    UNION ALL
    SELECT *, '-infinity'::TIMESTAMPTZ AS happened_at
    FROM account_states
    WHERE (sender, alias) IN (SELECT (unnest($senders::VARCHAR[]), unnest($aliases::VARCHAR[])))
)
INSERT INTO account_states
SELECT
    alias,
    max(struct_pack(happened_at := happened_at, seq := seq)).seq AS seq,
    arg_max(business_name, struct_pack(happened_at := happened_at, seq := seq)) AS business_name,
    arg_max(parent_alias, struct_pack(happened_at := happened_at, seq := seq)) AS parent_alias,
    sender
FROM told
GROUP BY sender, alias;
