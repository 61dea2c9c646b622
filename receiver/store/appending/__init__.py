"""Moves what the spool holds into DuckDB, exactly once."""
