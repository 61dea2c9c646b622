"""Opens a store's DuckDB file as the store does, for tests of what lies below it."""

import shutil
import tempfile
from functools import cache
from pathlib import Path

import duckdb

from receiver.database import opening
from receiver.store.arranging import Arranger, Counter


def open_database(path: Path, memory_limit: str = "50%") -> duckdb.DuckDBPyConnection:
    """Open a file with the newest schema; if there is none, a copy of an empty one, which is made once."""
    if not path.exists():
        shutil.copyfile(_make_empty(frozenset(_steps().items())), path)
    return make_database(path, memory_limit)


def make_database(path: Path, memory_limit: str = "50%") -> duckdb.DuckDBPyConnection:
    """Open a file with the newest schema; if there is none, make one that is no copy and has an identity of its own."""
    return opening.bring_up_to_date(opening.connect(path, memory_limit), path, memory_limit)


def do_next(worker: Arranger | Counter) -> bool:
    """Arrange or count the next part of a store, and tell whether there was one."""
    work = worker.find_work()
    if work:
        work()
    return work is not None


def _steps() -> dict[int, str]:
    return opening.read_migrations()  # type: ignore[attr-defined]  # where a test puts the steps of an older version


@cache
def _make_empty(migrations: frozenset[tuple[int, str]]) -> Path:  # noqa: ARG001 - other steps make another file
    directory = tempfile.TemporaryDirectory()
    _KEPT.append(directory)
    path = Path(directory.name, "empty.duckdb")
    with make_database(path) as connection:
        opening.run(connection, "CHECKPOINT")
    return path


_KEPT: list[tempfile.TemporaryDirectory[str]] = []
