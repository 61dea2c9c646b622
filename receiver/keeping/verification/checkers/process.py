"""A process that checks parts of the store for `clc-receiver verify`, one after the other, until that hangs up."""

import os
import sys
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import Any

from receiver.database.reading import Rows
from receiver.keeping.verification.checkers.workers import READY, Question
from receiver.processes.garbage import put_off_collection

_GIVES_WAY = 10
"""How much lower its priority is (`nice`): it takes every core, and a running `serve` must go on beside it."""


class _AskingReader:
    """Has `verify` run the queries, since a store is open in one process."""

    def __init__(self, connection: "Connection[Any, Any]") -> None:
        self._connection = connection

    def read_rows(self, sql: str, parameters: list[Any]) -> Rows:
        """Run a query; see `Reader`."""
        self._connection.send(Question(sql, parameters))
        rows: Rows = self._connection.recv()
        return rows


def main() -> None:
    """Check what comes until there is no more."""
    os.nice(_GIVES_WAY)
    connection: Connection[Any, Any] = Connection(int(sys.argv[1]))
    # Without `verify` there is nobody to tell.
    with suppress(EOFError, BrokenPipeError, ConnectionResetError), put_off_collection():
        checker = connection.recv().make_checker(_AskingReader(connection))
        connection.send(READY)
        while True:
            part = connection.recv()
            connection.send(checker.check_rest() if part is None else checker.check_part(part))


if __name__ == "__main__":
    main()
