-- The senders that the receiver knows, beside those that the pages know by themselves.
SELECT name, title, description FROM senders WHERE NOT is_shipped(name) ORDER BY name
