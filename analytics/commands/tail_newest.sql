-- The numbers of the newest notifications that the filter lets through, up to one of them.
SELECT seq
FROM notifications
WHERE seq <= $last
    -- include matching.sql
    AND list_contains($accounts::VARCHAR[], account_alias) -- if $accounts
ORDER BY seq DESC
LIMIT $page_rows
