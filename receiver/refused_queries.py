"""Queries that ended the store's process, as no interrupt ended them: refused for an hour, also by the next process.

They lie in `CLC_DATA_DIR/refused_queries.json`, a list, oldest first, by a hash of their text.
"""

import contextlib
import hashlib
import json
import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, NamedTuple

from receiver.files import write_whole

REFUSED_FOR: Final = timedelta(hours=1)
_MOST: Final = 100

_log: Final = logging.getLogger(__name__)


class RefusedQuery(NamedTuple):
    """A query by the hash of its text, and when (ISO, UTC) it ended the store's process."""

    sha256: str
    at: str


class RefusedQueries:
    """The queries of the last hour that ended the store's process.

    Args:
        data_dir: where they are kept; None keeps none.
    """

    def __init__(self, data_dir: Path | None) -> None:
        self._data_dir = data_dir
        self._kept = read_refused(data_dir) if data_dir else []

    def until(self, sql: str) -> datetime | None:
        """Return up to when a query is refused; None if it may run."""
        now, sha256 = datetime.now(UTC), _hash_of(sql)
        for query in reversed(self._kept):
            ended_at = datetime.fromisoformat(query.at)
            # A clock that was set back makes nothing refused for longer than the hour.
            if query.sha256 == sha256 and abs(now - ended_at) < REFUSED_FOR:
                return ended_at + REFUSED_FOR
        return None

    def add(self, sql: str) -> None:
        """Refuse a query from now on; on a disk that takes no writes, only in this process."""
        self._kept = [*self._kept, RefusedQuery(_hash_of(sql), datetime.now(UTC).isoformat())][-_MOST:]
        if self._data_dir:
            try:
                write_whole(_path(self._data_dir), json.dumps([query._asdict() for query in self._kept], indent=1))
            except OSError as error:
                _log.error("the query that ended this process can't be noted, and may be asked again: %s", error)


def read_refused(data_dir: Path) -> list[RefusedQuery]:
    """List the queries that ended the store's process, oldest first; a damaged file lists none."""
    with contextlib.suppress(OSError, ValueError, TypeError):
        found = [RefusedQuery(**each) for each in json.loads(_path(data_dir).read_text("utf-8"))]
        if all(datetime.fromisoformat(query.at).tzinfo for query in found):
            return found
    return []


def count_recent(data_dir: Path, now: datetime) -> int:
    """Count the times that a query ended the store's process in the hour before `now`."""
    return sum(abs(now - datetime.fromisoformat(query.at)) < REFUSED_FOR for query in read_refused(data_dir))


def _hash_of(sql: str) -> str:
    return hashlib.sha256(" ".join(sql.split()).encode()).hexdigest()


def _path(data_dir: Path) -> Path:
    return data_dir / "refused_queries.json"
