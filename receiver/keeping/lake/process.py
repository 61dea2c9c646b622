"""Brings the lake up to date, in a process of its own: it can be killed at any moment, and the store's goes on.

`python -m receiver.keeping.lake.process` asks the running store by its query service. It prints JSON lines: while it
runs `{"rows": of the part that was written}`, and at last `{"months": how many the lake has, "newest": name or null,
"written": [name, …], "not_removed": sentence or null}`, `{"waits_for": sentence}`, or `{"error": sentence}`. With
CLC_KEEP the first has `"drop": {"before": ISO time, "last_seq": number} or null, "not_dropped": sentence or null`.

One machine at a time writes the lake: the one that holds an advisory lock in the shared spool's PostgreSQL. It is a
lock of a transaction that stays open meanwhile, not of a session: poolers may give each transaction another session.
"""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from receiver.data_directory.access import find_query_address, find_running_serve, read_query_token
from receiver.database.reading import ServiceReader, ask_status
from receiver.errors import ObjectsError, SharedSpoolError, StoreError
from receiver.keeping.lake.dropped import DropCheck
from receiver.keeping.lake.place import LakePlace, read_now
from receiver.keeping.lake.writing import LakeWriter
from receiver.processes.helper import print_line, run_helper
from receiver.settings import Settings

ELECTION_LOCK = 0x436C634C
_MAY_TAKE_LONG = "SET LOCAL idle_in_transaction_session_timeout = '1h'"
"""No other transaction waits for this one; the server notices by itself when the machine's network is cut."""
_TRY_LOCK = "SELECT pg_try_advisory_xact_lock(%s)"
_LONGEST_LAG_SECONDS = 3600.0
_ANOTHER = "another machine, which writes the lake"


@contextmanager
def elected(settings: Settings) -> Iterator[Callable[[], None] | None]:
    """Give a check that this machine may still write; None where another does. A machine alone always may.

    Raises:
        SharedSpoolError: the lock's server can't be used; from the check, this machine may have lost the lock.
    """
    if settings.shared_spool is None:
        yield lambda: None
        return
    from receiver.shared_spool import SpoolServer, hold_settings  # noqa: PLC0415 - psycopg belongs to an extra

    server = SpoolServer(settings.shared_spool, "writing the lake")

    def check() -> None:
        with server.session() as connection:
            if connection is not first:
                raise SharedSpoolError("The connection on which this machine had the lock is lost.")
            connection.execute("SELECT 1")

    try:
        with server.session() as first:
            first.execute("BEGIN")
            hold_settings(first)
            first.execute(_MAY_TAKE_LONG)
            has_lock = first.execute(_TRY_LOCK, [ELECTION_LOCK]).fetchone() == (True,)
        yield check if has_lock else None
    finally:
        server.close()


def bring_up_to_date(settings: Settings) -> dict[str, Any]:
    """Write what the lake lacks, and return the last line to print.

    Raises:
        ReceiverError: it failed.
        duckdb.Error: a file can't be read back.
    """
    running = find_running_serve(settings.data_dir)
    if running is None:
        raise StoreError("No `clc-receiver serve` is running.")
    address, token = find_query_address(settings.data_dir, running), read_query_token(settings)
    waits_for = _find_lag(ask_status(address, token))
    if waits_for:
        return {"waits_for": waits_for}
    reader = ServiceReader(address, token)
    with elected(settings) as check:
        if check is None:
            return {"waits_for": _ANOTHER}
        return _write(settings, reader, check) | _find_droppable(settings, reader)


def _find_droppable(settings: Settings, reader: ServiceReader) -> dict[str, Any]:
    if settings.months_kept is None:
        return {}
    check = DropCheck(reader, LakePlace(str(settings.objects)), settings.query_max_rows, _tell_rows)
    return check.find(read_now(), settings.months_kept).as_json()


def _write(settings: Settings, reader: ServiceReader, check: Callable[[], None]) -> dict[str, Any]:
    place = LakePlace(str(settings.objects))
    done = LakeWriter(reader, place, settings.query_max_rows, check, _tell_rows).write_finished()
    try:
        place.delete(done.left)
        trouble = None
    except ObjectsError as error:  # the credentials may not delete; that is no harm to the lake
        trouble = str(error)
    lacking = done.lacking if settings.shared_spool is None else []  # of several machines another has them
    for sentence in (*done.lost, *lacking):
        raise StoreError(sentence)
    newest = str(done.manifests[-1].month) if done.manifests else None
    return {"months": len(done.manifests), "newest": newest, "written": done.months, "not_removed": trouble}


def _find_lag(status: dict[str, Any]) -> str | None:
    """Say which received rows the store still waits for; None if it has all."""
    values = {figure["name"]: figure["value"] for figure in status["figures"]}
    behind = [each["seconds_behind"] for each in status["machines"] if each["this"]]
    lag = max(values.get("lag_seconds") or 0.0, *behind, 0.0)
    if lag > _LONGEST_LAG_SECONDS:
        return f"the store, which is {lag / 3600:,.0f} h behind"
    return "the shared spool, which can't be used" if values.get("shared_spool_away_seconds") else None


def _tell_rows(rows: int) -> None:
    if os.getppid() != _PARENT:  # another process may write by then
        sys.exit(1)
    print_line({"rows": rows})


_PARENT = os.getppid()


def main() -> None:
    """Bring the lake of the settings up to date."""
    run_helper("lake", bring_up_to_date)


if __name__ == "__main__":
    main()
