-- The first and the last number of the store's notifications, and the id of one by its number: another id than before
-- means another store. So does another moment before which months were dropped.
SELECT
    (SELECT max(before) FROM dropped) AS complete_since, -- if $drops
    (SELECT min(seq) FROM notifications) AS first,
    newest.seq AS last,
    newest.id::VARCHAR AS last_id,
    (SELECT any_value(id::VARCHAR) FROM notifications WHERE seq = $seq) AS id_then
FROM (SELECT seq, id FROM notifications ORDER BY seq DESC LIMIT 1) AS newest
