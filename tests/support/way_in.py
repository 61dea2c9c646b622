"""The way of notifications into tests' stores: the machine's spool, or with WAY_IN=shared_spool through PostgreSQL."""

import atexit
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from receiver.spool import SpooledRow, SpoolReader, Watermarks
from receiver.spool.segment import RowSource
from tests.support.postgres import PostgreSQL

_MOST_CONNECTED = 4
IS_SHARED = os.environ.get("WAY_IN") == "shared_spool"


def share(data_dir: Path) -> dict[str, str]:
    """Return the setting that lets a receiver take the way; each data directory has a database of its own."""
    return {"CLC_SHARED_SPOOL": _database(data_dir.resolve())} if IS_SHARED else {}


def open_rows(directory: Path) -> RowSource:
    """Open what an appender takes the rows of `directory/spool` from."""
    return _through_shared_spool(directory.resolve()) if IS_SHARED else SpoolReader(directory / "spool")


@cache
def _server() -> PostgreSQL:
    """Start a server for this process."""
    directory = Path(tempfile.mkdtemp(prefix="postgres-"))
    server = PostgreSQL(directory)
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    atexit.register(server.stop)
    atexit.register(_close_all)
    server.start()
    return server


@cache
def _database(data_dir: Path) -> str:
    name = f"clc_{hashlib.sha256(str(data_dir).encode()).hexdigest()[:32]}"
    _server().execute(f"CREATE DATABASE {name}")
    return _server().url(name)


@cache
def _through_shared_spool(directory: Path) -> RowSource:
    from receiver.shared_spool import SharedSpoolReader, Shipper, SpoolServer

    class Source(SharedSpoolReader):
        """Rows that are shipped when the appender asks for them."""

        def __init__(self, spool: Path, url: str) -> None:
            super().__init__(SpoolServer(url, "reading"))
            self._shipper = Shipper(SpoolReader(spool), SpoolServer(url, "sending"), {})

        def read_new(self, watermarks: Watermarks, rows: int, size: int) -> Iterator[SpooledRow]:
            while self._shipper.turn():
                pass
            return super().read_new(watermarks, rows, size)

        def close(self) -> None:
            super().close()
            self._shipper.close()

    source = Source(directory / "spool", _database(directory))
    _opened.append(source)
    for earlier in _opened[:-_MOST_CONNECTED]:
        earlier.close()  # it connects again if it is asked again
    return source


_opened: list[RowSource] = []


def _close_all() -> None:
    for source in _opened:
        source.close()
