-- All accounts with their own events in a time and in the time to compare with.
SELECT
    sender, -- if $several
    account_alias AS name,
    -- include beside.sql
-- include counted.sql
WHERE received_at >= $counted_since::TIMESTAMPTZ AND received_at < $counted_until::TIMESTAMPTZ AND account_alias IS NOT NULL
    -- include of_activity.sql
GROUP BY ALL
ORDER BY events DESC, name
