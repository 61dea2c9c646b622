-- The numbers of refused notifications by reason.
SELECT reason, count(*) AS refused, max(received_at) AS newest
FROM rejected
WHERE true
    AND received_at >= $since::TIMESTAMPTZ -- if $since
GROUP BY reason
ORDER BY refused DESC, reason
