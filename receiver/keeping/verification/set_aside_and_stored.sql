SELECT notifications.id::VARCHAR, notifications.seq
FROM rejected
JOIN notifications ON notifications.id = rejected.id;
