-- What says whether the accounts, their names or their tree may have changed.
SELECT
    count(*) FILTER (WHERE category = 'Account') AS told, max(seq) FILTER (WHERE category = 'Account') AS last_told,
    count(DISTINCT account_alias) AS aliases
FROM notifications
