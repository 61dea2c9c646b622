-- The number of changes in the filter, and the number of hidden ones among them.
SELECT count(*) AS total, count(*) FILTER (WHERE kind = 'unseen') AS unseen
FROM changes
WHERE true
    -- include matching_changes.sql
