-- From when to when there are events.
SELECT min(received_at) AS first, max(received_at) AS last
FROM events
WHERE true
    AND account_alias = $account -- if $account
    AND account_alias IN (SELECT alias FROM accounts WHERE list_contains(root_path, $account_tree)) -- if $account_tree
