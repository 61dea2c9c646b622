-- The last receipt of each event, copies included; a NULL event type came by a route that can't tell the event.
SELECT sender, event_type, max(received_at) AS last, count(*) AS notifications
FROM notifications
GROUP BY sender, event_type
