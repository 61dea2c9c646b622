-- The kept states of accounts against their latest notifications, in one statement and so of one moment.
WITH latest AS (
    FROM account_bodies
    WHERE seq IN (SELECT last_seq FROM entities WHERE category = ?)
)
SELECT 'account_states: rows' AS name, (SELECT count(*) FROM latest) AS expected, (SELECT count(*) FROM account_states) AS found
UNION ALL
SELECT
    'account_states: those that agree with the latest notification',
    (SELECT count(*) FROM latest),
    (SELECT count(*) FROM (FROM latest INTERSECT FROM account_states));
