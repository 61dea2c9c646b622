-- The number of the newest notification, and its time of receipt in microseconds; 0 without any.
SELECT
    coalesce(max(seq), 0) AS last
    , coalesce(epoch_us(max(received_at)), 0) AS latest -- if $by_time
FROM notifications
