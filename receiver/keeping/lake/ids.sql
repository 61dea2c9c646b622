-- The ids of the rows.
SELECT id
FROM (/* rows */) AS rows
