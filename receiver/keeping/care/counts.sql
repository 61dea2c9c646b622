SELECT
    (SELECT count(*) FROM notifications) AS notifications,
    (SELECT count(*) FROM notifications WHERE received_at > make_timestamptz(?::BIGINT)) AS last_minute,
    (SELECT count(*) FROM notifications WHERE received_at > make_timestamptz(?::BIGINT)) AS last_hour,
    (SELECT max(version) FROM schema_version) AS schema_version,
    coalesce((SELECT sum(position) FROM watermarks WHERE kind = 'notifications'), 0)::BIGINT
    - (SELECT count(*) FROM notifications)
    - (SELECT count(*) FROM rejected WHERE reason IN ('not_storable', 'damaged_in_spool')) AS lost;
