-- The number of the newest notification; 0 without any.
SELECT coalesce(max(seq), 0) AS last
FROM notifications
