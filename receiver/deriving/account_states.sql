WITH accounts_of_senders AS (
    SELECT unnest($1::VARCHAR[]) AS sender, unnest($2::VARCHAR[]) AS category
)
INSERT INTO account_states
FROM account_bodies
WHERE seq IN (SELECT last_seq FROM entities SEMI JOIN accounts_of_senders USING (sender, category));
