-- Adds the changed fields of some notifications to counts, or takes them away where the sign is -1.
INSERT INTO /* counts */ counts_by_quarter
SELECT make_timestamptz(number * 900000000), sender, category, event_type, 0, $sign * changed_fields
FROM (
    SELECT
        epoch_us(changed_at) // 900000000 AS number, changes.sender, changes.category, event_type,
        count(*) AS changed_fields
    FROM changes
    LEFT JOIN (SELECT seq, event_type FROM notifications WHERE seq > $after AND seq <= $last) USING (seq)
    WHERE NOT noise AND path <> '' AND seq > $after AND seq <= $last /* chosen */
    GROUP BY ALL
)
ORDER BY ALL;
