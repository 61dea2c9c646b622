-- The same as measure.sql of the rows of a file.
SELECT count(*) AS rows, coalesce(sum(md5_number_lower(line)), 0)::VARCHAR AS checksum
FROM (SELECT each::VARCHAR AS line FROM file AS each)
