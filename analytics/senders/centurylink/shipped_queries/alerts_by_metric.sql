-- Alerts by metric
-- How often each metric exceeded its threshold or returned below it in 30 days, and on how many servers. Metrics and states
-- come in any letter case.
SELECT
    lower(alert ->> 'metric') AS metric,
    arg_min(alert ->> 'state', seq) AS state,
    count(DISTINCT id) AS alerts,
    count(DISTINCT entity_id) AS servers
FROM (
    SELECT id, seq, entity_id, unnest(from_json(payload -> 'triggers', '["JSON"]')) AS alert
    FROM events
    WHERE sender = 'centurylink' AND category = 'Alert' AND received_at > now() - INTERVAL 30 DAY
)
GROUP BY metric, lower(alert ->> 'state')
ORDER BY alerts DESC
