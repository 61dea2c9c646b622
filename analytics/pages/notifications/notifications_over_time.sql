-- Notifications that the filter lets through, a bin and event type, up to one by number: how many, how many of them are
-- newer than the page that is shown, and how many came since. Bins begin at whole multiples of their width since 1970.
SELECT
    epoch_us(received_at) // $bin_us * $bin_us AS bin_us,
    coalesce(event_type, category || ' (event unknown)') AS event_type,
    count(*) FILTER (WHERE seq <= $upto) AS events,
    count(*) FILTER (WHERE seq <= $upto AND seq > $first) AS newer,
    count(*) FILTER (WHERE seq > $upto) AS fresh
FROM notifications
WHERE true
    -- include matching.sql
GROUP BY ALL
ORDER BY bin_us, event_type
