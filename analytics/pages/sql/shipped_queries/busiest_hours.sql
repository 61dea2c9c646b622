-- Busiest hours of the week
-- Notifications by weekday (1 is Monday) and hour of the day in UTC, over the last four weeks: when does everything
-- happen, and what happens at night?
SELECT
    isodow(received_at) AS weekday,
    hour(received_at) AS hour,
    count(*) AS notifications
FROM events
WHERE received_at > now() - INTERVAL 28 DAY
GROUP BY weekday, hour
ORDER BY weekday, hour
