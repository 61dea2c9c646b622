"""What one turn of the event loop brings is committed together, at the turn's end."""

import asyncio

from receiver.spool import Done, Row, SpoolWriter, Waiting


class Commits:
    """Collects rows for the spool on the running event loop.

    Args:
        spool: takes them; its groups are delivered on this loop.
    """

    def __init__(self, spool: SpoolWriter) -> None:
        self._spool = spool
        self._turn: list[Waiting] = []

    def append(self, row: Row | None, done: Done) -> None:
        """Commit a row with those of the same turn, see `SpoolWriter.append`."""
        if not self._turn:
            asyncio.get_running_loop().call_soon(self._commit)
        self._turn.append((row, done))

    def _commit(self) -> None:
        turn, self._turn = self._turn, []
        self._spool.append_here(turn)
