-- Changed fields by day
-- How many fields changed each day in 30 days, as Activity counts them: without noise, and without entities that appear,
-- disappear or change unseen.
SELECT
    CAST(changed_at AS DATE) AS day,
    count(*) AS changed_fields
FROM changes
WHERE NOT noise AND path <> '' AND changed_at >= date_trunc('day', now()) - INTERVAL 30 DAY
GROUP BY day
ORDER BY day
