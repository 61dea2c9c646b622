-- Servers with most alerts
-- Which servers raise most alerts in 30 days, by which metrics: candidates for another size or threshold. An alert of several
-- metrics is one.
SELECT
    entity_id AS server,
    account_alias AS account,
    count(DISTINCT id) AS alerts,
    string_agg(DISTINCT lower(alert ->> 'metric'), ', ' ORDER BY lower(alert ->> 'metric')) AS metrics,
    max(received_at) AS latest
FROM (
    SELECT *, unnest(from_json(payload -> 'triggers', '["JSON"]')) AS alert
    FROM events
    WHERE sender = 'centurylink' AND category = 'Alert' AND received_at > now() - INTERVAL 30 DAY
)
WHERE lower(alert ->> 'state') = 'triggered'
GROUP BY server, account
ORDER BY alerts DESC, server
LIMIT 50
