-- The number of the notifications in an export.
SELECT count(*) AS rows
FROM notifications
WHERE true
    -- include matching_command.sql
