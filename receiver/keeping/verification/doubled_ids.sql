SELECT id::VARCHAR, max(seq), count(*)
FROM notifications
WHERE hash(id) % ?::UBIGINT = ?::UBIGINT AND seq <= ?
GROUP BY id
HAVING count(*) > 1;
