-- The states of accounts that all of their notifications tell.
INSERT INTO account_states
SELECT
    alias,
    max(struct_pack(happened_at := happened_at, seq := seq)).seq AS seq,
    arg_max(business_name, struct_pack(happened_at := happened_at, seq := seq)) AS business_name,
    arg_max(parent_alias, struct_pack(happened_at := happened_at, seq := seq)) AS parent_alias,
    sender
FROM account_bodies
WHERE (sender, alias) IN (SELECT (unnest($senders::VARCHAR[]), unnest($aliases::VARCHAR[])))
GROUP BY sender, alias;
