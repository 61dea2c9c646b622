-- Delays of the sender
-- How long after it happened each event's notification came, in seconds: usually within five. An alert of CenturyLink Cloud
-- that fires counts from when its metric was above the threshold for the trigger's duration, not from the begin of that.
WITH triggers AS (
    SELECT id, occurred_at, unnest(payload -> '$.triggers[*]') AS told
    FROM events
    WHERE sender = 'centurylink' AND category = 'Alert' AND received_at > now() - INTERVAL 30 DAY
),
fired AS (
    SELECT
        id,
        occurred_at,
        TRY_CAST(told ->> 'stateStartTime' AS TIMESTAMPTZ) AS begun_at,
        TRY_CAST(told ->> 'duration' AS INTERVAL) AS duration
    FROM triggers
    WHERE lower(told ->> 'state') = 'triggered'
),
due AS (
    SELECT id, max(begun_at + duration) AS due_at
    FROM fired
    WHERE begun_at <= occurred_at AND duration BETWEEN INTERVAL 0 HOUR AND INTERVAL 1 HOUR
    GROUP BY id
),
delays AS (
    SELECT
        coalesce(event_type, category) AS event,
        greatest(epoch(received_at - greatest(occurred_at, due_at)), 0) AS delay
    FROM events
    LEFT JOIN due USING (id)
    WHERE received_at > now() - INTERVAL 30 DAY AND occurred_at < received_at
)
SELECT
    event,
    count(*) AS notifications,
    round(quantile_cont(delay, 0.5), 1) AS median,
    round(quantile_cont(delay, 0.99), 1) AS slowest_percent,
    round(max(delay), 1) AS slowest
FROM delays
GROUP BY event
ORDER BY median DESC
