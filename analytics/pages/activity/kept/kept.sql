-- The last notification that the store's counts hold, and when the newest of all those was received.
SELECT last_seq, newest FROM counted
