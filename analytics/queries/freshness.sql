-- When the newest notification was received, and how many there are.
SELECT max(received_at) AS newest, count(*) AS notifications
FROM notifications
