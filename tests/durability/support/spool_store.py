"""A store in the tests' process that reads a spool, and writers of it that were killed."""

import re
import subprocess
import sys
import textwrap

from receiver.database.opening import run
from receiver.settings import Settings
from receiver.spool import SpoolReader
from receiver.store.appending.appender import Appender
from receiver.store.recovery import open_store

_KILLED_WRITER = textwrap.dedent("""
    import os, sys
    from pathlib import Path
    from receiver.spool import SpoolWriter
    from tests.support.rows import notification
    writer = SpoolWriter(Path(sys.argv[1]))
    for number in range(int(sys.argv[2]), int(sys.argv[3])):
        writer.append_all([notification(number)])
    os.kill(os.getpid(), 9)
""")


def kill_writer(spool, numbers):
    """Have a process write these notifications, one a commit, and die; return its segment."""
    known = set(spool.glob("*.sqlite"))
    subprocess.run(
        [sys.executable, "-c", _KILLED_WRITER, str(spool), str(numbers.start), str(numbers.stop)], check=False
    )
    (segment,) = set(spool.glob("*.sqlite")) - known
    return segment


class SpoolStore:
    """A store in this process, with what it reports."""

    def __init__(self, data_dir, former=tuple):
        self.told, self.missing = [], []
        self.spool = data_dir / "spool"
        self.connection = open_store(Settings(data_dir=data_dir))
        self.reader = SpoolReader(self.spool, report=self._note, former=former)
        self.appender = Appender(self.connection.cursor(), self.reader, data_dir, duplicate_window_seconds=10)

    def _note(self, what, moved_to, missing, _about):
        self.told.append((what, moved_to))
        self.missing += [missing] if missing else []

    def take_all(self):
        while self.appender.append_new():
            pass
        self.appender.checkpoint()
        while self.appender.append_new():
            pass
        self.appender.checkpoint()

    def users(self):
        rows = run(self.connection, "SELECT entity_id FROM notifications ORDER BY seq")
        return [int(re.sub(r"\D", "", name)) for (name,) in rows]

    def close(self):
        self.reader.close()
        self.connection.close()
