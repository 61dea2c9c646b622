-- The rows of a file with some ids.
SELECT file.*
FROM file
SEMI JOIN ids ON ids.id = file.id
