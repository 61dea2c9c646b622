-- Counts the notifications after a number that concern what was received before a moment: they were received before it
-- themselves, they are copies of what goes, or they happened before something that was received before it.
WITH moment AS (
    SELECT make_timestamptz($before::BIGINT) AS before
),
late AS (
    SELECT * FROM notifications WHERE seq > $last_seq
)
SELECT
    (SELECT count(*) FROM late WHERE received_at < (SELECT before FROM moment))
    + (SELECT count(*) FROM late JOIN going ON going.id = late.duplicate_of)
    + (
        SELECT count(*)
        FROM late
        JOIN events AS old USING (sender, category, entity_id)
        WHERE late.duplicate_of IS NULL
            AND least(late.occurred_at, late.received_at) < (SELECT before FROM moment)
            AND old.received_at < (SELECT before FROM moment)
            AND least(old.occurred_at, old.received_at) > least(late.occurred_at, late.received_at)
    ) AS number;
