SELECT coalesce(duplicate_of, id), sender, delivery_id, event_type, sha256(payload)
FROM notifications
WHERE seq IN (SELECT unnest(?));
