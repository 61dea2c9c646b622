-- A notification of a sender that the store need not describe, if there is one.
SELECT seq
FROM notifications
WHERE is_shipped(sender)
LIMIT 1
