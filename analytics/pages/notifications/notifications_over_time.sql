-- The filter's notifications by bin and event type: the number up to a notification, the number of those newer than the
-- shown page, and the number of later ones. Bins begin at whole multiples of their width since 1970.
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
