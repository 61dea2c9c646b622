-- When the first change happened: before the first notification came, where a body says so.
SELECT min(changed_at) AS first
FROM changes
