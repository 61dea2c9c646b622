"""Holds what is stored against what was acknowledged, by DuckDB and plain files alone."""

import json
from collections import Counter
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path

import duckdb

_STORED = "SELECT id::VARCHAR, sha256(payload) FROM notifications"
_REJECTED = "SELECT id::VARCHAR, reason, sha256(body) FROM rejected"

Kept = dict[str, str]
"""Bodies' SHA-256 by id."""


class Promises:
    """What was acknowledged, and what was refused and shall be kept as evidence: a file with a line for each."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def add(self, rows: Iterable, *, refused: bool = False) -> None:
        """Note rows; what was noted outlives the process."""
        with self._path.open("ab", buffering=0) as file:
            for row in rows:
                body = row.body if refused else row.payload
                file.write(json.dumps([str(row.id), sha256(body).hexdigest(), refused]).encode() + b"\n")

    def read(self, *, refused: bool = False) -> Kept:
        """Read what was noted."""
        if not self._path.exists():
            return {}
        lines = (json.loads(line) for line in self._path.read_text().splitlines())
        return {name: digest for name, digest, is_refused in lines if is_refused == refused}


def stored_in(database: Path) -> list[tuple[str, str]]:
    """Read ids and digests of a database that nobody writes."""
    with duckdb.connect(str(database), read_only=True) as store:
        return store.execute(_STORED).fetchall()


def broken(promised: Kept, stored: list[tuple[str, str]], *, may_be: Kept | None = None) -> list[str]:
    """List what is not as promised: each once, with its bytes, and nothing else but what may be there."""
    times = Counter(name for name, _ in stored)
    digests = dict(stored)
    allowed = promised | (may_be or {})
    return [
        *(f"lost: {name}" for name in promised if not times[name]),
        *(f"doubled: {name} is there {count} times" for name, count in times.items() if count > 1),
        *(f"altered: {name}" for name, digest in promised.items() if name in digests and digests[name] != digest),
        *(f"foreign: {name}" for name in digests if may_be is not None and name not in allowed),
    ]


def broken_in(database: Path, promises: Promises) -> list[str]:
    """List what a database does not keep of what was promised, and what it blames rows for."""
    with duckdb.connect(str(database), read_only=True) as store:
        stored, rejected = store.execute(_STORED).fetchall(), store.execute(_REJECTED).fetchall()
    aside = [f"set aside: {name}" for name, reason, _ in rejected if reason == "not_storable"]
    refused = [(name, digest) for name, reason, digest in rejected if reason != "not_storable"]
    evidence = [f"refused, {each}" for each in broken(promises.read(refused=True), refused)]
    return [*broken(promises.read(), stored), *aside, *evidence]
