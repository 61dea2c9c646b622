-- The moment since which the store has all notifications; NULL where it has dropped none.
SELECT max(before) AS complete_since FROM dropped
