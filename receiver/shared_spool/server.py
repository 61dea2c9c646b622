"""The way to the shared spool's PostgreSQL: opened when needed, given up after an error, and tried again later.

Its tables are made at first use, and brought to this program's version.
"""

import logging
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from math import inf
from typing import Any

import psycopg

from receiver.configuration import parse_postgresql_url
from receiver.errors import SharedSpoolError
from receiver.files import read_sql_file

VERSION = 4
_READABLE = 3
"""The oldest version whose rows are read as they are, while the server takes no writes."""
TABLES_LOCK = 0x436C6353
"""The advisory lock under which they are made."""
# Not `to_regclass`, whose answer may be of before the wait for the lock.
_ARE_THERE = "SELECT EXISTS (SELECT FROM pg_tables WHERE schemaname = 'clc_spool' AND tablename = 'about')"
_VERSION = "SELECT max(version) FROM clc_spool.about"
Connection = psycopg.Connection[tuple[Any, ...]]
_FIRST_SECONDS, _LONGEST_SECONDS = 0.5, 10.0
_ANSWER_SECONDS = 20.0
"""The longest wait for the end of a block: a server that is stopped answers nothing, and closes nothing."""
# What the setting's URL says comes first.
_DEFAULTS = {"connect_timeout": "5", "client_encoding": "utf8", "application_name": "clc-receiver"}
_log = logging.getLogger(__name__)


def prepare(connection: Connection, enough: int = VERSION) -> None:
    """Make the tables if there are none, and bring those of an older program to this version, keeping their rows.

    Args:
        connection: leads to the server.
        enough: the oldest version that will do if the server takes no writes.

    Raises:
        SharedSpoolError: a newer program made them.
        psycopg.Error: they can't be made or read.
    """
    if _read_version(connection) < VERSION:
        try:
            with transaction(connection):
                connection.execute("SELECT pg_advisory_xact_lock(%s)", [TABLES_LOCK])
                for version in range(_read_version(connection) + 1, VERSION + 1):  # none, if another node was first
                    bring_to(connection, version)
        except psycopg.errors.ReadOnlySqlTransaction:
            if _read_version(connection) < enough:
                raise
    check_version(connection)


def check_version(connection: Connection) -> int:
    """Return the version of the tables, 0 if there are none.

    Raises:
        SharedSpoolError: a newer program made them.
    """
    version = _read_version(connection)
    if version > VERSION:
        raise SharedSpoolError(
            f"its tables have version {version}, and this program knows {VERSION}: install a newer one"
        )
    return version


def bring_to(connection: Connection, version: int) -> None:
    """Turn tables of the version before into those of a version."""
    connection.execute(read_sql_file(__package__, f"version_{version}.sql").encode())


def _read_version(connection: Connection) -> int:
    ((are_there,),) = connection.execute(_ARE_THERE).fetchall()
    if not are_there:
        return 0
    ((version,),) = connection.execute(_VERSION).fetchall()
    return int(version)


def hold_settings(connection: Connection) -> None:
    """Hold this program's settings until the end of the transaction that is open."""
    connection.execute(read_sql_file(__package__, "session.sql").encode())


@contextmanager
def transaction(connection: Connection) -> Iterator[None]:
    """Run a block in one transaction, under this program's settings."""
    with connection.transaction():
        hold_settings(connection)
        yield


@dataclass
class _Trouble:
    """Why the server can't be used for a purpose, and for how long it is not tried again."""

    failure: str
    since: datetime
    seconds: float
    until: float


class SpoolServer:
    """One connection to the server, for one thread at a time.

    Args:
        url: the setting.
        purpose: what it is for, to complete "can't be used for …".
        is_tried_again: whether that is tried again after an error, which is logged then; a command ends with it.
        reads: whether, while no server takes writes as the URL asks, one will do that can only be read.
    """

    def __init__(self, url: str, purpose: str, *, is_tried_again: bool = True, reads: bool = False) -> None:
        self._url = url
        self._purpose = purpose
        self._is_tried_again = is_tried_again
        self._reads = reads
        self._connection: Connection | None = None
        self._look_again_at = inf
        self._troubles: dict[str, _Trouble] = {}
        """By purpose: a server whose disk is full may refuse rows, and take all else."""
        self.failures = 0
        """How often the server could not be used."""

    @property
    def failure(self) -> str | None:
        """Why the server could not be used the last time; None if it could."""
        return next((trouble.failure for trouble in tuple(self._troubles.values())), None)

    @property
    def since(self) -> datetime | None:
        """The time of the first of the latest failures in a row."""
        return min((trouble.since for trouble in tuple(self._troubles.values())), default=None)

    @contextmanager
    def session(self, seconds: float = _ANSWER_SECONDS, purpose: str | None = None) -> Iterator[Connection]:
        """Give the connection to a block, which must end within so many seconds.

        What the block does outside a `transaction` is done without this program's settings.

        Args:
            seconds: the longest time.
            purpose: what the block is for, if not what the connection is for.

        Raises:
            SharedSpoolError: the server can't be reached or used, or it is not yet time to try it again. A transaction
                of the block may be committed or not.
        """
        purpose = purpose or self._purpose
        trouble = self._troubles.get(purpose)
        if trouble and time.monotonic() < trouble.until:
            raise SharedSpoolError(f"The shared spool can't be used for {purpose}: {trouble.failure}.")
        watch = _Watch(seconds)
        try:
            connection = self._open(watch)
            with watch.on(connection):
                yield connection
        except (psycopg.Error, SharedSpoolError, OSError) as error:
            self.close()
            raise self._fail(purpose, watch.complaint or _describe(error)) from None
        if self._troubles.pop(purpose, None):
            _log.info("the shared spool can be used for %s again", purpose)

    def close(self) -> None:
        """Close the connection; the next block opens another."""
        connection, self._connection = self._connection, None
        if connection:
            with suppress(psycopg.Error):
                connection.close()

    def _open(self, watch: "_Watch") -> Connection:
        if time.monotonic() >= self._look_again_at:
            self.close()
        if self._connection is None:
            connection = self._connection = self._connect()
            with watch.on(connection):
                prepare(connection, _READABLE if self._reads else VERSION)
        return self._connection

    def _connect(self) -> Connection:
        """Connect to the server that the URL asks for, or, for a while, to one that can be read."""
        self._look_again_at = inf
        try:
            return _connect(self._url)
        except psycopg.OperationalError:
            if not self._reads or "target_session_attrs" not in _parse(self._url):
                raise
            connection = _connect(self._url, target_session_attrs="any")
            self._look_again_at = time.monotonic() + _LONGEST_SECONDS
            return connection

    def _fail(self, purpose: str, failure: str) -> SharedSpoolError:
        before = self._troubles.get(purpose)
        if self._is_tried_again and not (before and before.failure == failure):
            _log.error("the shared spool can't be used for %s, which is tried again: %s", purpose, failure)
        self.failures += 1
        since = before.since if before else datetime.now(UTC)
        seconds = min(2 * before.seconds, _LONGEST_SECONDS) if before else _FIRST_SECONDS
        self._troubles[purpose] = _Trouble(failure, since, seconds, time.monotonic() + seconds)
        return SharedSpoolError(f"The shared spool can't be used for {purpose}: {failure}.")


@contextmanager
def read_once(url: str, purpose: str, seconds: float = _ANSWER_SECONDS) -> Iterator[Connection]:
    """Give a connection to a block that only reads: no table is made, and nothing is tried again.

    Raises:
        SharedSpoolError: the server can't be reached or used.
    """
    watch = _Watch(seconds)
    try:
        with _connect(url) as connection, watch.on(connection), connection.transaction():
            # A setting of the session would stay behind a pooler, where the next user of its connection can't write.
            connection.execute("SET TRANSACTION READ ONLY")
            yield connection
    except (psycopg.Error, SharedSpoolError, OSError) as error:
        failure = watch.complaint or _describe(error)
        raise SharedSpoolError(f"The shared spool can't be used for {purpose}: {failure}.") from None


def _connect(url: str, **changed: str) -> Connection:
    parameters: dict[str, Any] = {**_DEFAULTS, **_parse(url), **changed}
    # Poolers that give each transaction another connection know no prepared statements.
    try:
        return psycopg.connect(**parameters, autocommit=True, prepare_threshold=None)
    except UnicodeError:
        raise SharedSpoolError("a part of its host name is empty or too long: correct CLC_SHARED_SPOOL") from None


def _parse(url: str) -> dict[str, Any]:
    """Return the parts of a URL, which an older version may have passed on unread.

    Raises:
        SharedSpoolError: it can't be read.
    """
    try:
        return parse_postgresql_url(url)
    except ValueError as error:
        raise SharedSpoolError(f"CLC_SHARED_SPOOL is not usable: {error}") from None


class _Watch:
    """Hangs up a connection whose server does not answer in time: libpq itself would wait for ever."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self.complaint: str | None = None

    @contextmanager
    def on(self, connection: Connection) -> Iterator[None]:
        over = threading.Lock()
        timer = threading.Timer(self._seconds, self._hang_up, [connection.fileno(), over])
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            over.acquire()  # never released: from now on the descriptor may be another's
            timer.cancel()

    def _hang_up(self, descriptor: int, over: threading.Lock) -> None:
        if over.acquire(blocking=False):
            self.complaint = f"it did not answer for {self._seconds:.0f} s"
            with suppress(OSError), socket.socket(fileno=os.dup(descriptor)) as copy:
                copy.shutdown(socket.SHUT_RDWR)
            over.release()


def _describe(error: Exception) -> str:
    """Return the first line of an error's text; the errors of psycopg that tell data do so in later lines."""
    if isinstance(error, psycopg.errors.LockNotAvailable):
        return "another transaction there does not end, perhaps because PostgreSQL waits for a standby that is away"
    if isinstance(error, psycopg.errors.ReadOnlySqlTransaction):
        return "it takes no writes, but can be read: name the server that takes them, or have it take them"
    text = " ".join((str(error).splitlines() or [""])[0].split()).removeprefix("connection failed: ").rstrip(".")
    return text or type(error).__name__
