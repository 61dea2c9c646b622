-- One page of the refused notifications, newest first, without their bodies.
SELECT id, received_at, reason, path, source_ip, octet_length(body) AS body_bytes
FROM rejected
WHERE true
    AND reason = $reason -- if $reason
    AND received_at >= $since::TIMESTAMPTZ -- if $since
ORDER BY received_at DESC, id DESC
LIMIT $page_rows OFFSET $position
