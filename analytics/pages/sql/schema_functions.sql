-- Functions that an expression may call, one row a name, with the parameters of its shortest form.
SELECT
    function_name,
    '(' || coalesce(array_to_string(arg_min(parameters, len(parameters)), ', '), '') || ')' AS parameters,
    coalesce(any_value(description), '') AS description
FROM duckdb_functions()
WHERE function_type IN ('scalar', 'aggregate', 'macro', 'window')
    AND regexp_full_match(function_name, '[a-z][a-z0-9_]*')
    AND NOT starts_with(function_name, '__')
    AND NOT starts_with(function_name, 'pg_')
    AND NOT coalesce(has_side_effects, false)
GROUP BY function_name
ORDER BY function_name
