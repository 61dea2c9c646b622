-- The rows of a part, in the order of the lake.
SELECT * EXCLUDE (key_entity, key_time, key_tie)
FROM (/* rows */) AS rows
WHERE /* part */
ORDER BY key_entity, key_time, key_tie
