-- The first and the last number of the notifications in an export.
SELECT min(seq) AS first, max(seq) AS last
FROM notifications
WHERE true
    -- include matching_command.sql
