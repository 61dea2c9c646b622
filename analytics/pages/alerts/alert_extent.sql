-- From which to which number the store's notifications go, and which of them has a number: where that is another one
-- than it was, it is another store.
SELECT
    (SELECT min(seq) FROM notifications) AS first,
    newest.seq AS last,
    newest.id::VARCHAR AS last_id,
    (SELECT any_value(id::VARCHAR) FROM notifications WHERE seq = $seq) AS id_then
FROM (SELECT seq, id FROM notifications ORDER BY seq DESC LIMIT 1) AS newest
