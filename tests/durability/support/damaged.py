"""Data directories as a crash leaves them, damage done to them, and a store that is started on them."""

import json
import shutil
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

import duckdb

from receiver.data_directory.incidents import Incident, read_incidents
from receiver.keeping.verification.invariants import Violation
from receiver.settings import Settings
from receiver.spool import SpoolReader, SpoolWriter
from receiver.store.appending.appender import Appender
from receiver.store.recovery import open_store
from tests.durability.support.promise import broken, kept_in
from tests.support.rows import notification, rejection
from tests.support.waiting import until

_RUN = """
import json, sys
from pathlib import Path
from receiver.data_directory.incidents import read_incidents
from receiver.settings import Settings
from receiver.spool import SpoolReader
from receiver.store.appending.appender import Appender
from receiver.store.recovery import open_store
from receiver.database.opening import run
for line in sys.stdin:
    data_dir = Path(line.strip())
    before = len(read_incidents(data_dir))
    connection = open_store(Settings(data_dir=data_dir))
    seq = run(connection, "SELECT coalesce(max(seq), 0) FROM notifications")[0][0]
    reader = SpoolReader(data_dir / "spool")
    appender = Appender(connection.cursor(), reader, data_dir, duplicate_window_seconds=10)
    while appender.append_new():
        pass
    appender.checkpoint(merging=True)
    reader.close()
    connection.close()
    print(json.dumps({"seq": seq, "incidents": [each.what for each in read_incidents(data_dir)[before:]]}), flush=True)
"""


def open_and_tell(settings: Settings) -> tuple[duckdb.DuckDBPyConnection, list[Incident]]:
    """Open a store, and return it with the incidents of this start."""
    before = len(read_incidents(settings.data_dir))
    return open_store(settings), read_incidents(settings.data_dir)[before:]


class Crashed(NamedTuple):
    """A data directory whose store died: what was acknowledged, and the highest `seq` that was given."""

    data_dir: Path
    promised: dict[UUID, str]
    seq: int

    @property
    def wal(self) -> Path:
        return self.data_dir / "clc.duckdb.wal"

    @property
    def database(self) -> Path:
        return self.data_dir / "clc.duckdb"

    def copy(self, directory: Path) -> "Crashed":
        """Make another of it, to be damaged."""
        # This process may write to the spool, and would lose SQLite's locks by closing a file of it.
        copy_by_another_process(self.data_dir, directory)
        return self._replace(data_dir=directory)

    def back_up(self) -> Path:
        """Make a backup of the database as of its last checkpoint: a plain copy."""
        backups = self.data_dir / "backups"
        backups.mkdir()
        return Path(shutil.copyfile(self.database, backups / "clc-20260304T120000000000Z.duckdb"))

    def open(self, **settings) -> duckdb.DuckDBPyConnection:
        """Open its store in this process."""
        return open_store(Settings(data_dir=self.data_dir, **settings))

    def broken(self) -> list[Violation]:
        """List what of the promise does not hold."""
        return broken(self.promised, kept_in(self.data_dir))


def copy_by_another_process(source: Path, target: Path) -> None:
    """Copy a directory; once more where a file of it gets its name meanwhile, as the next segment does."""

    def is_copied() -> bool:
        shutil.rmtree(target, ignore_errors=True)
        return subprocess.run(["cp", "-r", str(source), str(target)], check=False).returncode == 0

    until(is_copied, what=f"a copy of {source}")


def crashed_store(directory: Path, *, checkpointed: int = 5, after: int = 8, each: int = 30) -> Crashed:
    """Append so many groups before the last checkpoint and after it, and leave the files as a kill would."""
    living = directory / "living"
    living.mkdir(parents=True)
    rows = []
    connection = open_store(Settings(data_dir=living))
    writer = SpoolWriter(living / "spool", rows_per_segment=100)
    appender = Appender(connection.cursor(), SpoolReader(living / "spool"), living, duplicate_window_seconds=10)
    for group in range(checkpointed + after):
        fresh = [notification(len(rows) + number) for number in range(each)]
        writer.append_all([*fresh, rejection(group)])
        rows += fresh
        appender.append_new()
        if group == checkpointed - 1:
            appender.checkpoint()
    # DuckDB's lock is this process's, and goes when it closes the file.
    copy_by_another_process(living, directory / "crashed")
    writer.close()
    connection.close()
    promised = {row.id: sha256(row.payload).hexdigest() for row in rows}
    return Crashed(directory / "crashed", promised, len(rows))


def record_ends(wal: bytes) -> Iterator[int]:
    """Find where the records of a DuckDB WAL end: each has its length and a checksum in front of it."""
    # The first record tells the version, without length and checksum; a length is below 2^32, and so has four zeros.
    position = next(at for at in range(20, 80) if wal[at + 4 : at + 8] == bytes(4) and _fits(wal, at))
    while position < len(wal):
        yield position
        position += 16 + struct.unpack_from("<Q", wal, position)[0]
    assert position == len(wal)


def _fits(wal: bytes, position: int) -> bool:
    while position + 16 <= len(wal):
        position += 16 + struct.unpack_from("<Q", wal, position)[0]
    return position == len(wal)


class Stores:
    """Starts stores one after the other, in a process that is started again when it dies, as `serve` does."""

    def __init__(self) -> None:
        self.died = 0
        self._process: subprocess.Popen[str] | None = None

    def start(self, data_dir: Path) -> dict:
        """Open the store, append what is spooled, checkpoint; return the `seq` found and the incidents."""
        for _ in range(5):
            if self._process is None:
                self._process = subprocess.Popen(
                    [sys.executable, "-c", _RUN], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
                )
            self._process.stdin.write(f"{data_dir}\n")
            self._process.stdin.flush()
            # DuckDB writes lines of its own there when it meets what it takes for impossible.
            if answer := next((line for line in self._process.stdout if line.startswith("{")), None):
                return json.loads(answer)
            self.died += 1
            self.close()
        raise AssertionError("the store does not start")

    def close(self) -> None:
        if self._process:
            self._process.stdin.close()
            self._process.stdout.close()
            self._process.wait(60)
            self._process = None


def overwritten(start: int, length: int, with_: bytes = b"\0") -> Callable[[Path], None]:
    """Make a damage to a database: so many bytes of it are others."""

    def damage(database: Path) -> None:
        with database.open("r+b") as file:
            file.seek(start)
            file.write(with_ * length)

    return damage


def block_overwritten(block: int) -> Callable[[Path], None]:
    """Make a damage to one of the blocks that DuckDB keeps columns in."""
    return overwritten(12_288 + block * 262_144 + 1_000, 1_000, b"\x55")
