-- The numbers of the filter's newest notifications, up to a number.
SELECT seq
FROM notifications
WHERE seq <= $last
    -- include matching.sql
    AND list_contains($accounts::VARCHAR[], account_alias) -- if $accounts
ORDER BY seq DESC
LIMIT $page_rows
