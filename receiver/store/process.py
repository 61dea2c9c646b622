"""The store's process: owns the DuckDB file, appends from the spool or the shared one, answers queries."""

import asyncio
import logging
import os
import socket
import sys
from datetime import UTC, datetime
from functools import partial
from importlib.abc import MetaPathFinder
from typing import TYPE_CHECKING

import duckdb
import tornado.web
from prometheus_client import CollectorRegistry

from receiver.data_directory.access import control_token, read_query_token
from receiver.data_directory.node import has_listener
from receiver.database.extent import read_watermarks
from receiver.database.opening import run
from receiver.files import load_program
from receiver.keeping.care import SharedSpool
from receiver.keeping.care.sharing import add_machines
from receiver.keeping.scrub_loop import ScrubLoop
from receiver.processes.child import Child, run_child
from receiver.processes.garbage import spare_program
from receiver.senders import Senders, load_senders
from receiver.senders.copies import remember_profiles, save_later
from receiver.senders.profile import Profile
from receiver.settings import Settings, split_address
from receiver.spool import ShipperMetrics
from receiver.spool.owners import open_spool
from receiver.store.appending.condition import Condition
from receiver.store.arranging import ArrangeLoop
from receiver.store.backup import Backups
from receiver.store.control import control_handlers
from receiver.store.described_senders import write_senders
from receiver.store.dropper import Dropper
from receiver.store.lake import Lake
from receiver.store.loop import AppendLoop
from receiver.store.query.connections import BoundedServer
from receiver.store.query.request import carries
from receiver.store.query.runner import QueryLimits, QueryRunner
from receiver.store.query.service import MAX_REQUEST_BYTES, make_query_app
from receiver.store.recovery import open_store
from receiver.store.status import StatusHandler, StatusKeeper, StatusMetrics, make_store_metrics

if TYPE_CHECKING:
    from receiver.shared_spool import Membership, Presence, SharedSpoolReader, Shipper

GIVES_WAY = 10
"""How much lower than the listener's its priority is (`nice`): a sender waits for the listener, none for SQL."""
_APPENDER = "appender"
_LAST_SECONDS = 5.0
# Others import these only when they are first used.
_USED_LATE = ("_strptime", "encodings.idna", "pyarrow.pandas_compat", "pyarrow.vendored.version")
_UNUSABLE = 70
"""The exit code where DuckDB runs nothing more in this process (EX_SOFTWARE of sysexits.h)."""
_log = logging.getLogger(__name__)


class Sharing:
    """The shared spool, for the store of this node.

    Args:
        thread: moves the rows of this node's spool there, if it has one, and keeps this node known.
        source: reads the rows of all nodes.
        membership: knows all nodes.
    """

    def __init__(self, thread: "Shipper | Presence", source: "SharedSpoolReader", membership: "Membership") -> None:
        self.thread = thread
        self.source = source
        self._membership = membership
        self._since: datetime | None = None

    def read_condition(self) -> SharedSpool:
        """Return whether the shared spool can be used, how many of its rows are not stored here, and who shares it."""
        failure = self.thread.failure or self.source.failure
        self._since = (self._since or self.thread.since or datetime.now(UTC)) if failure else None
        obstacle = self._membership.obstacle or self.source.obstacle
        shared = SharedSpool(failure, self._since, self.source.waiting, obstacle)
        return add_machines(shared, self._membership.latest, self._membership.identity.node)


def open_shared_spool(settings: Settings, role: str, connection: duckdb.DuckDBPyConnection) -> Sharing | None:
    """Return what the store needs for the shared spool; None where there is none. No server is asked yet.

    Args:
        settings: where this node's spool and the shared one are.
        role: this node's.
        connection: the store.

    Raises:
        DataDirectoryError: this node's id can't be read or made.
    """
    url = settings.shared_spool
    if url is None:
        return None
    from receiver.shared_spool import (  # noqa: PLC0415 - psycopg belongs to an extra
        SharedSpoolReader,
        SpoolServer,
        open_presence,
        open_shipper,
    )

    thread, membership = (
        open_shipper(settings, url, role, read_watermarks(partial(run, connection)))
        if has_listener(role)
        else open_presence(settings, url, role)
    )
    return Sharing(thread, SharedSpoolReader(SpoolServer(url, "reading", reads=True), membership.identity), membership)


def main() -> None:
    """Run the store until it must end."""
    sys.meta_path.insert(0, _LeftOut())
    run_child(__doc__, _serve)


class _LeftOut(MetaPathFinder):
    """Says that pandas is not there: DuckDB and pyarrow import it if it is, and the first rows would wait for it."""

    def find_spec(self, fullname: str, *_: object) -> None:
        if fullname == "pandas":
            raise ModuleNotFoundError("the store does without pandas", name=fullname)


async def _serve(child: Child, settings: Settings) -> None:
    os.nice(GIVES_WAY)
    load_program(*_USED_LATE)
    senders = load_senders(settings.senders)
    # Other machines take notifications of senders that may not be set up here.
    taken = [each for each in senders.values() if settings.shared_spool and isinstance(each, Profile)]
    unsaved = remember_profiles(settings.data_dir, taken)
    connection = _open_database(child, settings, senders)
    sharing = open_shared_spool(settings, child.role, connection)
    loop = _make_loop(settings, connection, senders, sharing)
    arranging = ArrangeLoop(loop.arranger, loop.counter, settings.data_dir, loop.may_arrange, on_fatal=_die)
    backups = Backups(settings, loop, sharing.source if sharing else None)
    status = StatusKeeper(
        settings,
        connection,
        lambda: _read_condition(loop, arranging),
        sharing.read_condition if sharing else None,
    )
    tokens = read_query_token(settings), control_token(settings)
    handlers = [*control_handlers(backups, loop, tokens[1]), ("/status", StatusHandler, {"keeper": status})]
    registry = _make_registry(settings, loop, status, sharing)
    queries = _make_runner(settings, connection, registry)
    status.count_overdue = queries.count_overdue
    hosts = [split_address(settings.query_listen)[0]]
    app = make_query_app(queries, tokens[0], handlers, registry=registry, hosts=hosts)
    spare_program()
    child.heed_signals()
    server = _open_server(app, child.listening, tokens)
    child.heart.add(_APPENDER, loop.pulse)
    _begin_sharing(child, sharing)
    scrubbing, lake = ScrubLoop(settings, connection), Lake(settings, Dropper(connection, loop, senders))
    for each in (loop, arranging, scrubbing, backups, lake):
        each.start()
    _log.info("the store is open: %s", settings.database)
    lasting = (backups.keep_to_schedule(), status.keep_fresh(), save_later(unsaved))
    tasks = [asyncio.create_task(task) for task in lasting]
    await child.report_ready_and_wait()
    for task in tasks:
        task.cancel()
    backups.stop()
    lake.stop()
    server.stop()
    queries.stop()
    scrubbing.stop()
    await asyncio.to_thread(arranging.stop)
    await _end_sharing(child, sharing)
    # With a successor, end at once, so that queries don't wait; when all stops, first append what is possible.
    await asyncio.to_thread(loop.stop, *([] if child.stopping.is_set() else [0.0]))
    child.heart.remove(_APPENDER)
    if not queries.has_ended:
        _log.warning("a query that can't be interrupted is still running: the process ends with it")
        _end(0)
    await _close_database(child, connection, status)


def _make_loop(
    settings: Settings, connection: duckdb.DuckDBPyConnection, senders: Senders, sharing: Sharing | None
) -> AppendLoop:
    return AppendLoop(
        connection,
        sharing.source if sharing else open_spool(settings),
        settings.duplicate_window_seconds,
        on_fatal=_die,
        data_dir=settings.data_dir,
        senders=senders,
    )


def _read_condition(loop: AppendLoop, arranging: ArrangeLoop) -> Condition:
    condition = loop.read_condition()
    if arranging.failure is None:
        return condition
    return condition._replace(failing=condition.failing | {"putting rows side by side": arranging.failure})


def _open_database(child: Child, settings: Settings, senders: Senders) -> duckdb.DuckDBPyConnection:
    with child.heart.loop.busy("opening the database"):
        connection = open_store(settings)
        write_senders(connection, senders, settings)
    return connection


async def _close_database(child: Child, connection: duckdb.DuckDBPyConnection, status: StatusKeeper) -> None:
    await asyncio.to_thread(status.finish)
    with child.heart.loop.busy("closing the database"):
        connection.close()
    _log.info("the store is closed")


def _begin_sharing(child: Child, sharing: Sharing | None) -> None:
    if sharing:
        child.heart.add(sharing.thread.part, sharing.thread.pulse)
        sharing.thread.start()


async def _end_sharing(child: Child, sharing: Sharing | None) -> None:
    if sharing:
        await asyncio.to_thread(sharing.thread.stop, _LAST_SECONDS if child.stopping.is_set() else 0.0)
        child.heart.remove(sharing.thread.part)


def _make_registry(
    settings: Settings, loop: AppendLoop, status: StatusKeeper, sharing: Sharing | None
) -> CollectorRegistry:
    registry = make_store_metrics(loop, settings.data_dir)
    registry.register(StatusMetrics(status))
    if sharing:
        registry.register(ShipperMetrics(lambda: sharing.thread.shipped))
    return registry


def _open_server(app: tornado.web.Application, listening: socket.socket, tokens: tuple[str, ...]) -> BoundedServer:
    """Serve the query service on a listening socket; connections that brought one of the tokens are closed last."""
    known = [token.encode() for token in tokens]
    server = BoundedServer(app, max_body_size=2 * MAX_REQUEST_BYTES, has_token=lambda headers: carries(headers, *known))
    listening.setblocking(False)
    server.add_socket(listening)
    return server


def _make_runner(settings: Settings, connection: duckdb.DuckDBPyConnection, registry: CollectorRegistry) -> QueryRunner:
    limits = QueryLimits(timeout_seconds=settings.query_timeout_seconds, max_rows=settings.query_max_rows)
    return QueryRunner(connection, limits, registry, on_ignored=_die_of)


def _die() -> None:
    """End at once: the supervisor starts a new process, which replays the WAL."""
    os._exit(_UNUSABLE)


def _die_of(queries: int) -> None:
    """End because of queries that only this can end."""
    _log.error("%d queries run on after their time and can't be interrupted: this process ends with them", queries)
    _end(1)


def _end(code: int) -> None:
    """End without waiting for threads that do not end, once the log is written."""
    logging.shutdown()
    os._exit(code)


if __name__ == "__main__":
    main()
