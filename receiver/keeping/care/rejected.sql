SELECT
    reason,
    count(*),
    count(*) FILTER (
        WHERE received_at > make_timestamptz($1::BIGINT) AND received_at <= make_timestamptz($2::BIGINT)
    )
FROM rejected
GROUP BY reason
ORDER BY reason;
