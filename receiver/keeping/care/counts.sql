SELECT
    (SELECT count(*) FROM notifications) AS notifications,
    (
        SELECT count(*)
        FROM notifications
        WHERE received_at > make_timestamptz($1::BIGINT) AND received_at <= make_timestamptz($3::BIGINT)
    ) AS last_minute,
    (
        SELECT count(*)
        FROM notifications
        WHERE received_at > make_timestamptz($2::BIGINT) AND received_at <= make_timestamptz($3::BIGINT)
    ) AS last_hour,
    (SELECT max(version) FROM schema_version) AS schema_version;
