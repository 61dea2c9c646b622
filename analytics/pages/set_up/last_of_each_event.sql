-- When each event was last received, copies counted too; a NULL event type came by a route that can't tell it.
SELECT event_type, max(received_at) AS last, count(*) AS notifications
FROM notifications
GROUP BY event_type
