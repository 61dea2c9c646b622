-- As received_under.sql, for a store that has no column for the keys.
SELECT NULL::VARCHAR, count(*) FROM notifications WHERE signature_status = 'valid' HAVING count(*) > 0;
