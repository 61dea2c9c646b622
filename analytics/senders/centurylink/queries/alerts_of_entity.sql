-- The first triggers of each alert, or of those of a server, or of some alerts, between two notifications by number, how
-- many each has, and the moment from which it can be sent. An alert fires once its metric was above the threshold for the
-- trigger's duration, so that is after the begin of the state, which is the alert's time. Longer durations than an hour
-- do not exist, and nothing begins after it came.
SELECT
    seq,
    id::VARCHAR AS id,
    list_transform(
        triggers[:10],
        lambda told: {'metric': told ->> 'metric', 'state': told ->> 'state', 'reading': (told -> 'data')::VARCHAR}
    ) AS states,
    len(triggers) AS number,
    greatest(
        occurred_at,
        list_max(
            list_transform(
                triggers,
                lambda told: CASE
                    WHEN lower(told ->> 'state') = 'triggered'
                        AND TRY_CAST(told ->> 'stateStartTime' AS TIMESTAMPTZ) <= occurred_at
                        AND TRY_CAST(told ->> 'duration' AS INTERVAL) BETWEEN INTERVAL 0 HOUR AND INTERVAL 1 HOUR
                        THEN TRY_CAST(told ->> 'stateStartTime' AS TIMESTAMPTZ) + TRY_CAST(told ->> 'duration' AS INTERVAL)
                END
            )
        )
    ) AS due_at
FROM (
    SELECT seq, id, least(occurred_at, received_at) AS occurred_at, payload -> '$.triggers[*]' AS triggers
    FROM notifications
    WHERE sender = 'centurylink' AND category = 'Alert' AND seq >= $first AND seq <= $last
        AND entity_id = $entity -- if $entity
        AND seq IN (SELECT unnest($seqs::BIGINT[])) -- if $seqs
)
