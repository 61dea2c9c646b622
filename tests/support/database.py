"""Opens a store's DuckDB file as the store does, for tests of what lies below it."""

from pathlib import Path

import duckdb

from receiver.database.opening import bring_up_to_date, connect


def open_database(path: Path, memory_limit: str = "50%") -> duckdb.DuckDBPyConnection:
    """Open a file, made if need be, with the newest schema."""
    return bring_up_to_date(connect(path, memory_limit), path, memory_limit)
