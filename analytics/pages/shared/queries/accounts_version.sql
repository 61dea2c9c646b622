-- A version that differs when the accounts, their names or their tree may have changed.
SELECT
    count(*) FILTER (WHERE is_account(category)) AS told, max(seq) FILTER (WHERE is_account(category)) AS last_told,
    count(DISTINCT account_of(account_alias)) AS aliases
FROM notifications
