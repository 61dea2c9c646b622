-- One page of the refused notifications, newest first, without their bodies.
SELECT id, received_at, reason, path, source_ip, octet_length(body) AS body_bytes, sender
FROM rejected
WHERE true
    AND reason = $reason -- if $reason
    AND sender = $whose -- if $whose
    AND signature_detail = $detail -- if $detail
    AND received_at < $until::TIMESTAMPTZ -- if $until
ORDER BY received_at DESC, id DESC
LIMIT $page_rows OFFSET $position
