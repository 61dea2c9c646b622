-- The number of rows and their fingerprint, which is the same in any order, in any store and by any version of DuckDB.
SELECT count(*) AS rows, coalesce(sum(md5_number_lower(/* told */)), 0)::VARCHAR AS fingerprint
FROM (/* rows */) AS rows
