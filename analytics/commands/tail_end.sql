-- The number of the newest notification; 0 without any.
SELECT
    coalesce(max(seq), 0) AS last -- if $by_seq
    coalesce(epoch_us(max(received_at)), 0) AS last -- if $by_time
FROM notifications
