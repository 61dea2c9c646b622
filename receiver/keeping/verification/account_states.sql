-- The kept states of accounts against their latest notifications, in one statement and so of one moment. Entities of an
-- older version have no sender: all are the first one's.
WITH accounts_of_senders AS (
    SELECT unnest($1::VARCHAR[]) AS sender, unnest($2::VARCHAR[]) AS category
),
known AS (
    SELECT * FROM entities
    UNION ALL BY NAME
    SELECT NULL::VARCHAR AS sender WHERE false
),
latest AS (
    FROM account_bodies
    WHERE seq IN (
        SELECT last_seq
        FROM known
        SEMI JOIN accounts_of_senders AS accounts
            ON accounts.sender = coalesce(known.sender, $3) AND accounts.category = known.category
    )
)
SELECT 'account_states: rows' AS name, (SELECT count(*) FROM latest) AS expected, (SELECT count(*) FROM account_states) AS found
UNION ALL
SELECT
    'account_states: those that agree with the latest notification',
    (SELECT count(*) FROM latest),
    (SELECT count(*) FROM (FROM latest INTERSECT FROM account_states));
