"""One machine at a time writes the lake: the one that holds an advisory lock in the shared spool's PostgreSQL.

It is a lock of a transaction that stays open meanwhile, not of a session: poolers may give each transaction another
session.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from receiver.errors import SharedSpoolError
from receiver.settings import Settings

if TYPE_CHECKING:
    from receiver.shared_spool import SpoolServer

LOCK = 0x436C634C
_MAY_TAKE_LONG = "SET LOCAL idle_in_transaction_session_timeout = '1h'"
"""No other transaction waits for this one; the server notices by itself when the machine's network is cut."""
_TRY_LOCK = "SELECT pg_try_advisory_xact_lock(%s)"


@contextmanager
def elected(settings: Settings) -> Iterator[Callable[[], None] | None]:
    """Give a check that this machine may still write; None where another does. A machine alone always may.

    Raises:
        SharedSpoolError: the lock's server can't be used.
    """
    if settings.shared_spool is None:
        yield lambda: None
        return
    from receiver.shared_spool import SpoolServer  # noqa: PLC0415 - psycopg belongs to an extra

    server = SpoolServer(settings.shared_spool, "writing the lake")
    election = _Election(server)
    try:
        yield election.check if election.try_to_win() else None
    finally:
        server.close()


class _Election:
    def __init__(self, server: "SpoolServer") -> None:
        self._server = server
        self._connection: Any = None

    def try_to_win(self) -> bool:
        """Take the lock, unless another machine has it, and tell whether this one has it now."""
        with self._server.session() as connection:
            connection.execute("BEGIN")
            connection.execute(_MAY_TAKE_LONG)
            self._connection = connection
            return connection.execute(_TRY_LOCK, [LOCK]).fetchone() == (True,)

    def check(self) -> None:
        """Check that this machine still has the lock.

        Raises:
            SharedSpoolError: it may have lost it.
        """
        with self._server.session() as connection:
            if connection is not self._connection:
                raise SharedSpoolError("The connection on which this machine had the lock is lost.")
            connection.execute("SELECT 1")
