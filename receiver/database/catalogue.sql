-- A file's own macro may have the name of one of these functions, but not within DuckDB's own schema.
SELECT kind, CASE WHEN schema_name = 'main' THEN '' ELSE schema_name || '.' END || name AS name, definition
FROM (
    SELECT 'table' AS kind, database_name, schema_name, table_name AS name, sql AS definition
    FROM system.main.duckdb_tables()
    UNION ALL
    SELECT 'view', database_name, schema_name, view_name, sql FROM system.main.duckdb_views() WHERE NOT internal
    UNION ALL
    SELECT 'index', database_name, schema_name, index_name, sql FROM system.main.duckdb_indexes()
    UNION ALL
    SELECT 'sequence', database_name, schema_name, sequence_name, sql FROM system.main.duckdb_sequences()
    UNION ALL
    SELECT 'trigger', database_name, schema_name, trigger_name, sql FROM system.main.duckdb_triggers()
    UNION ALL
    SELECT 'macro', database_name, schema_name, function_name, macro_definition
    FROM system.main.duckdb_functions()
    WHERE NOT internal
    UNION ALL
    SELECT 'type', database_name, schema_name, type_name, logical_type FROM system.main.duckdb_types() WHERE NOT internal
    UNION ALL
    SELECT 'schema', database_name, 'main', schema_name, sql FROM system.main.duckdb_schemas() WHERE NOT internal
) AS things
WHERE database_name NOT IN ('system', 'temp')
