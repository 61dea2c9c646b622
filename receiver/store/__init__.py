"""The store: the one process that owns the DuckDB file, appends to it and answers queries from it."""
