-- The last notification, whether `$seen` still exists, and the earliest event after it. No event happens after its
-- arrival. Where months were dropped, also the moment since which all are here.
WITH latest AS (
    SELECT max(seq) AS seq FROM notifications
)
SELECT
    (SELECT max(before) FROM dropped) AS complete_since, -- if $drops
    coalesce(latest.seq, 0) AS last_seq,
    (SELECT any_value(id::VARCHAR) FROM notifications WHERE seq = latest.seq) AS last_id,
    (SELECT any_value(id::VARCHAR) FROM notifications WHERE seq = $seen) AS after_id,
    (SELECT min(least(occurred_at, received_at)) FROM notifications WHERE seq > $seen) AS first_at
FROM latest
