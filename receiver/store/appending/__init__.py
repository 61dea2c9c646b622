"""Moves the spool's rows into DuckDB, exactly once."""
