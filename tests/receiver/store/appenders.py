"""Makes appenders of a test's store."""

from receiver.spool import SpoolReader
from receiver.store.appending.appender import Appender


def make_appender(store, tmp_path, **options):
    return Appender(
        store.cursor(), SpoolReader(tmp_path / "spool"), tmp_path, **{"duplicate_window_seconds": 10, **options}
    )
