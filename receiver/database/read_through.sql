SELECT max(version) FROM schema_version;
SELECT count(*), max(seq) FROM notifications;
SELECT count(*), max(received_at) FROM rejected;
SELECT segment FROM watermarks GROUP BY segment, kind HAVING count(*) > 1;
