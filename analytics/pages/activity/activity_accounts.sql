-- All accounts with their own events in a time and in the time to compare with.
SELECT -- if $kept
    sender, -- if $several -- if $kept
    name, sum(events)::BIGINT AS events, sum(events_before)::BIGINT AS events_before -- if $kept
FROM ( -- if $kept
SELECT
    sender, -- if $several
    account_alias AS name,
    -- include beside.sql
-- include counted.sql
WHERE received_at >= $counted_since::TIMESTAMPTZ AND received_at < $counted_until::TIMESTAMPTZ AND account_alias IS NOT NULL
    -- include of_activity.sql
GROUP BY ALL
HAVING events + events_before > 0
    UNION ALL -- if $kept
    SELECT -- if $kept
        sender, -- if $several -- if $kept
        -- include months.sql -- if $kept
        AND what = 'account' -- if $kept
) -- if $kept
GROUP BY ALL -- if $kept
HAVING sum(events) + sum(events_before) > 0 -- if $kept
ORDER BY events DESC, name
