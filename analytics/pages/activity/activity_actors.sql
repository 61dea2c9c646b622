-- Actors with their events in a time and in the time to compare with: the largest, or those that differ most. Where letter
-- case does not tell names apart, an actor has the spelling of most of its events. Spellings are counted first, because to
-- make the user's name of each event's actor takes longer. A name is `shared` where actors of several senders have it.
WITH spelled AS (
    SELECT -- if $kept
        sender, -- if $several -- if $kept
        name, sum(events)::BIGINT AS events, sum(events_before)::BIGINT AS events_before -- if $kept
    FROM ( -- if $kept
    SELECT
        sender, -- if $several
        actor AS name,
        -- include beside.sql
    -- include counted.sql
    WHERE received_at >= $counted_since::TIMESTAMPTZ AND received_at < $counted_until::TIMESTAMPTZ AND actor IS NOT NULL
        -- include of_activity.sql
    GROUP BY ALL
    HAVING events + events_before > 0
    UNION ALL -- if $kept
    SELECT -- if $kept
        sender, -- if $several -- if $kept
        -- include months.sql -- if $kept
        AND what = 'actor' -- if $kept
    ) -- if $kept
    GROUP BY ALL -- if $kept
    HAVING sum(events) + sum(events_before) > 0 -- if $kept
), counted AS (
    SELECT
        sender, -- if $several
        max_by(name, (events + events_before, name)) AS name,
        sum(events)::BIGINT AS events, sum(events_before)::BIGINT AS events_before
    FROM spelled
    GROUP BY
        sender, -- if $several
        user_of(spelled.name)
)
SELECT
    sender, -- if $several
    min(sender) OVER same <> max(sender) OVER same AS shared, -- if $several
    name, events, events_before,
    (SELECT count(*) FROM counted WHERE events > 0) AS total,
    (SELECT count(*) FROM counted) AS listed
FROM counted
WINDOW same AS (PARTITION BY in_any_case(name)) -- if $several
ORDER BY
    abs(events - events_before) DESC, -- if $by_change
    events DESC, name
LIMIT $most
