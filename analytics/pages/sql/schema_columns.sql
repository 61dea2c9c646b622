-- The columns of the tables and views for queries, in their order.
SELECT
    columns.table_name,
    views.view_name IS NOT NULL AS is_view,
    columns.column_name,
    columns.data_type
FROM duckdb_columns() AS columns
LEFT JOIN duckdb_views() AS views
    ON views.schema_name = columns.schema_name AND views.view_name = columns.table_name AND NOT views.internal
WHERE NOT columns.internal AND columns.schema_name = 'main'
ORDER BY columns.table_name, columns.column_index
