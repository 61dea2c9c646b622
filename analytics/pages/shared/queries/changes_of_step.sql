-- The changes of a notification, noise included.
SELECT
    told, -- if $described
    path, kind, noise, old_value::VARCHAR AS old_value, new_value::VARCHAR AS new_value
FROM changes
WHERE seq = $seq
ORDER BY noise, path, kind
