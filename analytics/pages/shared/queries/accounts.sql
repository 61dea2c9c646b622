-- All accounts, each below its parent.
SELECT
    sender, -- if $several
    alias, business_name, parent_alias, depth, root_path
FROM accounts
ORDER BY root_path
