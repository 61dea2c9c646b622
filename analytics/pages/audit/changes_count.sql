-- How many changes the filter lets through, and how many of them are hidden ones.
SELECT count(*) AS total, count(*) FILTER (WHERE kind = 'unseen') AS unseen
FROM changes
WHERE true
    -- include matching_changes.sql
