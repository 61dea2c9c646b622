-- The counts against the notifications and changes up to the last counted one, in one statement and so of one moment: name,
-- how many there must be, and how many of these are right. A count that must not be there makes one more that is not.
WITH last AS (
    SELECT coalesce(max(last_seq), 0) AS seq FROM counted
), originals AS (
    SELECT * FROM events WHERE seq <= (SELECT seq FROM last)
), quarters AS (
    SELECT sender, category, event_type, number, sum(notifications) AS notifications, sum(fields) AS fields
    FROM (
        SELECT sender, category, event_type, epoch_us(received_at) // 900000000 AS number, count(*) AS notifications, 0 AS fields
        FROM originals
        GROUP BY ALL
        UNION ALL
        SELECT changes.sender, changes.category, event_type, epoch_us(changed_at) // 900000000, 0, count(*)
        FROM changes
        LEFT JOIN (SELECT seq, event_type FROM notifications) USING (seq)
        WHERE NOT noise AND path <> '' AND seq <= (SELECT seq FROM last)
        GROUP BY ALL
        UNION ALL
        SELECT sender, category, event_type, epoch_us(quarter) // 900000000, -sum(notifications), -sum(changed_fields)
        FROM counts_by_quarter
        GROUP BY ALL
    )
    GROUP BY ALL
), named AS (
    SELECT
        DATE '1970-01-01' + (epoch_us(received_at) // 86400000000)::INTEGER AS day,
        sender, category, account_alias, actor, entity_id, count(*) AS number
    FROM originals
    GROUP BY ALL
), months AS (
    SELECT sender, what, category, name, year, month, sum(number) AS number
    FROM (
        SELECT sender, 'account' AS what, NULL AS category, account_alias AS name, year(day) AS year, month(day) AS month, number
        FROM named
        UNION ALL
        SELECT sender, 'actor', NULL, actor, year(day), month(day), number FROM named
        UNION ALL
        SELECT sender, 'entity', category, entity_id, year(day), month(day), number FROM named
        UNION ALL
        SELECT sender, what, category, name, year, unnest(range(1, 13)), -unnest(months::DOUBLE[]) FROM counts_by_year
    )
    WHERE name IS NOT NULL
    GROUP BY ALL
)
SELECT
    'counts_by_quarter: those that agree with notifications and changes' AS name,
    count(*) AS expected, count(*) FILTER (notifications = 0 AND fields = 0) AS found
FROM quarters
UNION ALL
SELECT 'counts_by_year: those that agree with notifications', count(*), count(*) FILTER (number = 0)
FROM months
UNION ALL
SELECT
    'counted: when the newest of the counted was received',
    (SELECT epoch_us(max(received_at)) FROM notifications WHERE seq <= (SELECT seq FROM last)),
    (SELECT epoch_us(newest) FROM counted);
