"""The DuckDB file: opened, brought up to date, written to in bulk, read from outside, and replaced as a whole."""
