-- The times of receipt of the first and the newest notification, and the number of all.
SELECT min(received_at) AS first, max(received_at) AS newest, count(*) AS notifications
FROM notifications
