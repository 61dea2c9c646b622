-- Of an account that no other notification names, the last one that is no copy stays, so that `accounts` has it.
DELETE FROM going
WHERE seq IN (
    SELECT max(notifications.seq) FILTER (duplicate_of IS NULL)
    FROM notifications
    LEFT JOIN going ON going.seq = notifications.seq
    WHERE account_alias IS NOT NULL
    GROUP BY sender, account_alias
    HAVING count(*) = count(going.seq)
);
