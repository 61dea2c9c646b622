"""The store: the only process that opens the DuckDB file, appends to it and answers queries from it."""
