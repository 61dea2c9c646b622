-- The newest notifications whose id begins with a text, or has it elsewhere: that is looked for in the latest million alone,
-- because no id is read for the first, and each for the second.
SELECT seq
FROM notifications
WHERE id BETWEEN $lowest::UUID AND $highest::UUID
UNION
SELECT seq
FROM notifications
WHERE seq > (SELECT max(seq) FROM notifications) - 1000000 AND contains(id::VARCHAR, $part)
ORDER BY seq DESC
LIMIT $most
