-- The kept states of accounts against their notifications, in one statement and so of one moment.
SELECT
    'account_states: rows' AS name,
    (SELECT count(*) FROM account_facts) AS expected,
    (SELECT count(*) FROM account_states) AS found
UNION ALL
SELECT
    'account_states: those that agree with their notifications',
    (SELECT count(*) FROM account_facts),
    (SELECT count(*) FROM (FROM account_facts INTERSECT FROM account_states));
