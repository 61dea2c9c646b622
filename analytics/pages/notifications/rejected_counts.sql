-- The numbers of refused notifications by reason and sender, and of one with a profile by what is wrong with signatures.
SELECT
    reason,
    sender,
    CASE WHEN NOT is_shipped(sender) AND starts_with(reason, 'signature_') THEN signature_detail END AS detail,
    count(*) AS refused,
    max(received_at) AS newest
FROM rejected
GROUP BY ALL
ORDER BY refused DESC, reason, sender, detail
