-- Acknowledged rows that could not be stored in `notifications`, and are kept in `rejected`.
SELECT id::VARCHAR, reason, received_at::VARCHAR
FROM rejected
WHERE reason IN (SELECT unnest(?::VARCHAR[]))
ORDER BY received_at, id;
