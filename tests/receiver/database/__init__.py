"""The DuckDB file: its columns, and stores of older versions."""
