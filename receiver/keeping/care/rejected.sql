SELECT reason, count(*), count(*) FILTER (WHERE received_at > make_timestamptz(?::BIGINT))
FROM rejected
GROUP BY reason
ORDER BY reason;
