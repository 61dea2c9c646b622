-- The measure that the page does not draw, in a time and in the time to compare with.
SELECT sum(events)::BIGINT AS events, sum(events_before)::BIGINT AS events_before -- if $kept
FROM ( -- if $kept
SELECT
    -- include beside.sql
-- include counted.sql
WHERE received_at >= $counted_since::TIMESTAMPTZ AND received_at < $counted_until::TIMESTAMPTZ
    -- include of_activity.sql
    UNION ALL -- if $kept
    SELECT -- if $kept
        -- include quarters_beside.sql -- if $kept
    -- include quarters.sql -- if $kept
) -- if $kept
