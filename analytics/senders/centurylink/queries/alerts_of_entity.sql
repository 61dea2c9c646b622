-- The first triggers of each alert, or of those of a server, or of some alerts, between two notifications by number, and
-- how many each has.
SELECT
    seq,
    list_transform(
        triggers[:10],
        lambda told: {'metric': told ->> 'metric', 'state': told ->> 'state', 'reading': (told -> 'data')::VARCHAR}
    ) AS states,
    len(triggers) AS number
FROM (
    SELECT seq, payload -> '$.triggers[*]' AS triggers
    FROM notifications
    WHERE sender = 'centurylink' AND category = 'Alert' AND seq >= $first AND seq <= $last
        AND entity_id = $entity -- if $entity
        AND seq IN (SELECT unnest($seqs::BIGINT[])) -- if $seqs
)
