-- The last notification that the store's counts hold, when the newest of all those was received, and how many counts there are.
SELECT
    last_seq, newest, (SELECT count(*) FROM counts_by_quarter) AS quarters, (SELECT count(*) FROM counts_by_year) AS years
FROM counted
