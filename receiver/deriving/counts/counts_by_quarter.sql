-- Notifications without copies, by quarter hour and event type. DuckDB divides numbers much faster than it cuts times.
CREATE OR REPLACE TEMP TABLE fresh_quarters AS
SELECT make_timestamptz(number * 900000000) AS quarter, sender, category, event_type, notifications, 0::BIGINT AS changed_fields
FROM (
    SELECT epoch_us(received_at) // 900000000 AS number, sender, category, event_type, count(*) AS notifications
    FROM events
    WHERE seq > $after AND seq <= $last
    GROUP BY ALL
)
ORDER BY ALL;
