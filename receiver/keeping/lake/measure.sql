-- The number of a part's rows, the bytes of their text, and a checksum that is the same in any order.
SELECT
    count(*) AS rows,
    coalesce(sum(strlen(line)), 0)::BIGINT AS bytes,
    coalesce(sum(md5_number_lower(line)), 0)::VARCHAR AS checksum
FROM (
    SELECT each::VARCHAR AS line
    FROM (
        SELECT * EXCLUDE (key_entity, key_time, key_tie)
        FROM (/* rows */) AS rows
        WHERE /* part */
    ) AS each
)
