-- The values at some places (JSON Pointers) in the bodies of some notifications as texts, cut where they are long.
SELECT seq, [text[:400] FOR text IN (payload ->> $places::VARCHAR[])] AS texts
FROM notifications
WHERE seq IN (SELECT unnest($seqs::BIGINT[]))
