-- As `Rejection.cost` counts.
SELECT reason, sum(100 + strlen(path) + strlen(headers) + octet_length(body))
FROM rejected
WHERE reason NOT IN ('not_storable', 'damaged_in_spool')
GROUP BY reason;
