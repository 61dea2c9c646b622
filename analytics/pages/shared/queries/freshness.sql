-- When the first and the newest notification were received, and how many there are.
SELECT min(received_at) AS first, max(received_at) AS newest, count(*) AS notifications
FROM notifications
