"""The DuckDB file: opening it, bringing it up to date, bulk inserts, reading it from outside, replacing it whole."""
