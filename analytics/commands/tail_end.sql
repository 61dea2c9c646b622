-- The number of the newest notification, and its time of receipt in microseconds; 0 without any. Where months were dropped,
-- also the highest number that went.
SELECT
    coalesce(max(seq), 0) AS last
    , coalesce(epoch_us(max(received_at)), 0) AS latest -- if $by_time
    , (SELECT max(last_seq) FROM dropped) AS last_dropped -- if $drops
FROM notifications
