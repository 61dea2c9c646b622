-- The number of refused notifications, of all or of a group, up to a moment.
SELECT count(*) AS total
FROM rejected
WHERE true
    AND reason = $reason -- if $reason
    AND sender = $whose -- if $whose
    AND signature_detail = $detail -- if $detail
    AND received_at < $until::TIMESTAMPTZ -- if $until
