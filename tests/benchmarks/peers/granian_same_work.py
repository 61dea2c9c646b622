"""Granian (RSGI, its HTTP in Rust) that does the listener's work, and commits a turn's notifications together."""

import asyncio
import sys
from typing import Any

from granian import Granian
from granian.constants import Interfaces

from tests.benchmarks.peers.work import INSERT, Row, open_database, row_of


class Application:
    """Stores notifications; those of a turn of the loop share a commit."""

    def __rsgi_init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Open the database."""
        self._loop = loop
        self._database = open_database("granian.sqlite")
        self._turn: list[tuple[Row, asyncio.Future[None]]] = []

    async def __rsgi__(self, scope: Any, protocol: Any) -> None:
        """Store a notification, and answer once it is synced to disk."""
        row = row_of(scope.path.rpartition("/")[2], scope.headers.get("tier3-rsasha1"), await protocol())
        if row is None:
            protocol.response_str(401, [("content-type", "text/plain; charset=utf-8")], "refused")
            return
        if not self._turn:
            self._loop.call_soon(self._commit)
        done = self._loop.create_future()
        self._turn.append((row, done))
        await done
        protocol.response_str(200, [("content-type", "text/plain; charset=utf-8"), ("notification-id", row[0])], "ok")

    def _commit(self) -> None:
        turn, self._turn = self._turn, []
        self._database.execute("BEGIN")
        self._database.executemany(INSERT, [row for row, _ in turn])
        self._database.execute("COMMIT")
        for _, done in turn:
            done.set_result(None)


app = Application()

if __name__ == "__main__":
    Granian(f"{__spec__.name}:app", address="127.0.0.1", port=int(sys.argv[1]), interface=Interfaces.RSGI).serve()
