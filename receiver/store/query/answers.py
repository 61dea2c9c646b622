"""Keep answers until their clients have read them, and bound their total size; list the errors that they may be.

The first 16 MiB of each stay in memory, the rest is in a temporary file. A client that does not read holds its answer
until it is cut off, so the number of answers and their bytes have limits: beyond them new queries are `busy`.
"""

import contextlib
import shutil
import threading
from tempfile import SpooledTemporaryFile, gettempdir
from typing import IO, Final

from receiver.errors import ReceiverError

STATUSES: Final = {
    "bad_request": 400,
    "sql_error": 400,
    "unauthorized": 401,
    "cross_site": 403,
    "not_a_query": 403,
    "wrong_host": 403,
    "not_found": 404,
    "method_not_allowed": 405,
    "too_large": 413,
    "too_many_bytes": 413,
    "too_many_rows": 413,
    "unsupported_media_type": 415,
    "busy": 429,
    "internal_error": 500,
    "stopping": 503,
    "timeout": 504,
}

IN_MEMORY_BYTES: Final = 16 * 1024 * 1024
_LEFT_FREE_BYTES: Final = 1024**3
"""So much of the disk stays free, or as much as all answers take: it may be the spool's."""


class QueryError(ReceiverError):
    """Raised when a query is refused or fails; `code` is one of `STATUSES`, the text is one sentence or DuckDB's own.

    Raises:
        KeyError: `code` is not one of `STATUSES`.
    """

    def __init__(self, code: str, detail: str) -> None:
        """Keep the code, its HTTP status and what went wrong."""
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.status = STATUSES[code]


class Unsent:
    """All answers that are being made or sent.

    Args:
        most: How many there may be.
        most_bytes: How many bytes they may have together.
    """

    def __init__(self, most: int, most_bytes: int) -> None:
        self._most = most
        self._most_bytes = most_bytes
        self._lock = threading.Lock()
        self._answers = 0
        self._bytes = 0

    def begin(self) -> "QueryAnswer":
        """Begin an answer, to be closed.

        Raises:
            QueryError: `busy`, there are too many.
        """
        with self._lock:
            if self._answers >= self._most:
                raise QueryError("busy", f"{self._most} answers have not been read yet: read them, or ask again later.")
            self._answers += 1
        try:
            return QueryAnswer(self)
        except BaseException:
            self.end(0)
            raise

    def reserve(self, size: int, *, on_disk: bool) -> None:
        """Take so many bytes.

        Args:
            size: The bytes.
            on_disk: Whether their answer is too large for the memory.

        Raises:
            QueryError: `busy`, there are not so many left; `too_many_bytes`, the disk needs the room.
        """
        with self._lock:
            together = self._bytes + size
            if on_disk and shutil.disk_usage(gettempdir()).free < size + min(together, _LEFT_FREE_BYTES):
                raise QueryError(
                    "too_many_bytes",
                    "The store's disk has too little room for the answer: ask for fewer columns or rows.",
                )
            if together > self._most_bytes:
                raise QueryError(
                    "busy", f"All answers that have not been read yet take {self._bytes} bytes: ask again in a moment."
                )
            self._bytes = together

    def end(self, size: int) -> None:
        """Return the memory and place that an answer used."""
        with self._lock:
            self._answers -= 1
            self._bytes -= size


class QueryAnswer(contextlib.AbstractContextManager["QueryAnswer"]):
    """One answer, in a file."""

    def __init__(self, unsent: Unsent) -> None:
        """Make the file; `Unsent.begin` does so."""
        self._unsent = unsent
        self._reserved = 0
        self._is_open = True
        self.file: IO[bytes] = SpooledTemporaryFile(IN_MEMORY_BYTES)  # noqa: SIM115 - `close` closes it

    def reserve(self, size: int) -> None:
        """Take room for so many bytes more; see `Unsent.reserve`."""
        self._unsent.reserve(size, on_disk=self._reserved + size > IN_MEMORY_BYTES)
        self._reserved += size

    def close(self) -> None:
        """Close the file and give its bytes back; a second call does nothing."""
        if self._is_open:
            self._is_open = False
            self.file.close()
            self._unsent.end(self._reserved)

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()
