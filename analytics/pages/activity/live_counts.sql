-- Events of the last minute, hour and day, and of the period before each.
SELECT
    count(*) FILTER (WHERE received_at >= $now::TIMESTAMPTZ - INTERVAL 1 MINUTE) AS minute,
    count(*) FILTER (
        WHERE received_at >= $now::TIMESTAMPTZ - INTERVAL 2 MINUTES AND received_at < $now::TIMESTAMPTZ - INTERVAL 1 MINUTE
    ) AS minute_before,
    count(*) FILTER (WHERE received_at >= $now::TIMESTAMPTZ - INTERVAL 1 HOUR) AS hour,
    count(*) FILTER (
        WHERE received_at >= $now::TIMESTAMPTZ - INTERVAL 2 HOURS AND received_at < $now::TIMESTAMPTZ - INTERVAL 1 HOUR
    ) AS hour_before,
    count(*) FILTER (WHERE received_at >= $now::TIMESTAMPTZ - INTERVAL 24 HOURS) AS day,
    count(*) FILTER (WHERE received_at < $now::TIMESTAMPTZ - INTERVAL 24 HOURS) AS day_before
FROM events
WHERE received_at >= $now::TIMESTAMPTZ - INTERVAL 48 HOURS AND received_at < $now::TIMESTAMPTZ
    -- include of_activity.sql
