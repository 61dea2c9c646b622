"""Queries that ended the store's process: refused for an hour, also by the next process.

They lie in `CLC_DATA_DIR/refused_queries.json`, a list, oldest first, by a hash of their text. A query that no
interrupt ended is certain to be the reason. Where the process crashed, each query that ran then is suspected; where its
database could not be used any more, each query that failed by such an error. A query that is suspected twice is
refused. To know them afterwards, each is noted in `CLC_DATA_DIR/running_queries` while it runs, and stays there if it
failed by such an error.
"""

import contextlib
import hashlib
import json
import logging
import os
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, NamedTuple

from receiver.data_directory.times import is_recent
from receiver.files import write_whole

FILE: Final = "refused_queries.json"
REFUSED_FOR: Final = timedelta(hours=1)
CRASHES: Final = 2
_MOST: Final = 100
_HASH_LENGTH: Final = 63
_LINE_BYTES: Final = _HASH_LENGTH + 2
_FAILED: Final = "!"

_log: Final = logging.getLogger(__name__)


class RefusedQuery(NamedTuple):
    """A query by the hash of its text, when (ISO, UTC) it ended the store's process, and whether that is certain."""

    sha256: str
    at: str
    certain: bool = True


class RefusedQueries:
    """The queries of the last hour that ended the store's process.

    Args:
        data_dir: where they are kept; None keeps none.
    """

    def __init__(self, data_dir: Path | None) -> None:
        self._data_dir = data_dir
        self._kept = read_refused(data_dir) if data_dir else []

    def find_end_of_refusal(self, sql: str) -> datetime | None:
        """Return the time until which a query is refused; None if it may run."""
        if not self._kept:
            return None
        now, sha256 = datetime.now(UTC), _compute_hash(sql)
        queries = [query for query in self._kept if query.sha256 == sha256 and is_recent(query.at, REFUSED_FOR, now)]
        if len(queries) >= CRASHES or any(query.certain for query in queries):
            return datetime.fromisoformat(queries[-1].at) + REFUSED_FOR
        return None

    def add(self, queries: Iterable[str]) -> None:
        """Refuse queries from now on, by their SQL; on a disk that takes no writes, only in this process."""
        self._add(_compute_hash(sql) for sql in queries)

    def suspect(self, hashes: Iterable[str]) -> None:
        """Note queries that may have ended the last process."""
        self._add(hashes, certain=False)

    def _add(self, hashes: Iterable[str], *, certain: bool = True) -> None:
        at = datetime.now(UTC).isoformat()
        self._kept = [*self._kept, *(RefusedQuery(sha256, at, certain) for sha256 in hashes)][-_MOST:]
        if self._data_dir:
            try:
                write_whole(self._data_dir / FILE, json.dumps([query._asdict() for query in self._kept], indent=1))
            except OSError as error:
                _log.error("the query that ended this process can't be noted, and may be asked again: %s", error)


def read_refused(data_dir: Path) -> list[RefusedQuery]:
    """List the queries that ended the store's process, oldest first; a damaged file lists none."""
    with contextlib.suppress(OSError, ValueError, TypeError):
        queries = [RefusedQuery(**each) for each in json.loads((data_dir / FILE).read_text("utf-8"))]
        if all(datetime.fromisoformat(query.at).tzinfo for query in queries):
            return queries
    return []


def count_recent(data_dir: Path, now: datetime) -> int:
    """Count the times that a query ended the store's process in the hour before `now`."""
    certain = {query.at for query in read_refused(data_dir) if query.certain}
    return sum(is_recent(at, REFUSED_FOR, now) for at in certain)


class RunningQueries:
    """Notes running queries where the next process reads them if this one crashes.

    The note is in the system's memory, not synced: it need only outlive the process.

    Args:
        data_dir: where it lies; None notes nothing.
    """

    def __init__(self, data_dir: Path | None) -> None:
        self._lock = threading.Lock()
        self._places: set[int] = set()
        self._file: int | None = None
        self.left: list[str] = []
        """The hashes of the queries that ran when the previous process ended."""
        self.failed: list[str] = []
        """The hashes of those by whose error its database could not be used any more."""
        if data_dir:
            with contextlib.suppress(OSError):  # without the note, a query that crashes the store can do it again
                self._file = os.open(data_dir / "running_queries", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
                noted = os.pread(self._file, _MOST * _LINE_BYTES, 0).decode("ascii", "replace")
                words = dict.fromkeys(noted.split())
                self.left = [word for word in words if len(word) == _HASH_LENGTH]
                self.failed = [word.removesuffix(_FAILED) for word in words if word.endswith(_FAILED)]
                os.truncate(self._file, 0)

    @contextmanager
    def note(self, sql: str, staying_after: type[Exception] | tuple[()] = ()) -> Iterator[None]:
        """Note a query for the length of a block, or as failed, for good, if that raises one of `staying_after`."""
        if self._file is None:
            yield
            return
        with self._lock:
            place = next(number for number in range(len(self._places) + 1) if number not in self._places)
            self._places.add(place)
        self._write(place, _compute_hash(sql))
        stays = False
        try:
            yield
        except staying_after:
            self._write(place, _compute_hash(sql) + _FAILED)
            stays = True
            raise
        finally:
            if not stays:
                self._write(place, "")
                with self._lock:
                    self._places.discard(place)

    def _write(self, place: int, text: str) -> None:
        assert self._file is not None  # noqa: S101 - `note` has looked
        with contextlib.suppress(OSError):
            os.pwrite(self._file, f"{text:{_LINE_BYTES - 1}}\n".encode(), place * _LINE_BYTES)


def _compute_hash(sql: str) -> str:
    return hashlib.sha256(" ".join(sql.split()).encode()).hexdigest()[:_HASH_LENGTH]
