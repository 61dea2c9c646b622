-- Of an account, the last notification that tells its name stays, and the last that tells its parent.
DELETE FROM going
WHERE seq IN (
    SELECT unnest([
        max_by(seq, struct_pack(happened_at := happened_at, seq := seq)) FILTER (business_name IS NOT NULL),
        max_by(seq, struct_pack(happened_at := happened_at, seq := seq)) FILTER (parent_alias IS NOT NULL)
    ])
    FROM account_bodies
    GROUP BY sender, alias
);
