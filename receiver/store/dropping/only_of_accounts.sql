-- If only notifications that go name an account, the last of them that is no copy stays: so `accounts` has the account.
DELETE FROM going
WHERE seq IN (
    SELECT max(notifications.seq) FILTER (duplicate_of IS NULL)
    FROM notifications
    LEFT JOIN going ON going.seq = notifications.seq
    WHERE account_alias IS NOT NULL
    GROUP BY sender, account_alias
    HAVING count(*) = count(going.seq)
);
