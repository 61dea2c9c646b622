-- The ids of the rows, or of a slice of them.
SELECT id
FROM (/* rows */) AS rows
WHERE hash(id) % $slices::UBIGINT = $slice::UBIGINT
