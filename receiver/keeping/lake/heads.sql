-- The last number, and the version of the schema.
SELECT
    (SELECT coalesce(max(seq), 0) FROM notifications) AS last_seq,
    (SELECT max(version) FROM schema_version) AS schema_version
