-- What one notification changed, noise too.
SELECT path, kind, noise, old_value::VARCHAR AS old_value, new_value::VARCHAR AS new_value
FROM changes
WHERE seq = $seq
ORDER BY noise, path, kind
