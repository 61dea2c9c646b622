-- What was acknowledged and is kept beside the table `notifications`, as it could not be stored there.
SELECT id::VARCHAR, reason, received_at::VARCHAR
FROM rejected
WHERE reason IN (SELECT unnest(?::VARCHAR[]))
ORDER BY received_at, id;
