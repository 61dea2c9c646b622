"""The nodes that share the spool: each says that it lives and how far it is, and hears the same of the others."""

import logging
import threading
import time
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from receiver import __version__
from receiver.data_directory.node import ALL_PARTS, are_of_one_boot
from receiver.errors import SharedSpoolError
from receiver.files import read_sql_file
from receiver.processes.heartbeat import Pulse
from receiver.shared_spool.batches import free_rows
from receiver.shared_spool.server import Connection, SpoolServer, transaction

PRESENCE = "telling that this machine lives"
"""The purpose of a node's own connection; see `SpoolServer`."""
_SECONDS = 2.0
_TURN_SECONDS = 0.5
_FREEING_SECONDS = 0.2
"""New rows wait for it: at a time little is deleted."""
_BEAT = """
INSERT INTO clc_spool.nodes (node, name, version, role, run, clock_ahead, seen_at)
VALUES (%(node)s, %(name)s, %(version)s, %(role)s, %(run)s, %(clock_ahead)s, clock_timestamp())
ON CONFLICT (node) DO UPDATE
SET
    name = excluded.name, version = excluded.version, role = excluded.role, run = excluded.run,
    clock_ahead = excluded.clock_ahead, seen_at = excluded.seen_at
WHERE
    nodes.name = excluded.name AND (
        nodes.run IS NULL OR nodes.run = ANY(%(runs)s::UUID[])
        OR nodes.run = ANY(%(before_boot)s::UUID[]) AND nodes.seen_at < clock_timestamp() - INTERVAL '6 seconds'
    )
    OR nodes.seen_at < clock_timestamp() - INTERVAL '1 minute'
"""
# A store that was replaced by an older one has less than it said before.
_REPORT = """
UPDATE clc_spool.nodes
SET
    stored = %(stored)s,
    checkpointed = least(coalesce(%(checkpointed)s, checkpointed, 0), %(stored)s),
    backed_up = coalesce(%(backed_up)s, backed_up)
WHERE node = %(node)s AND name = %(name)s AND run IS NOT DISTINCT FROM %(run)s
"""
_TIME = "SELECT extract(EPOCH FROM clock_timestamp())::DOUBLE PRECISION"
_OLDEST = """
SELECT number, extract(EPOCH FROM clock_timestamp() - put_at)::DOUBLE PRECISION
FROM clc_spool.batches ORDER BY number LIMIT 1
"""
_DOUBLE = (
    "another machine says that it has the id of this one, so rows that this store needs may be deleted: was the data "
    "directory copied, or the machine? Stop `serve` here, delete `node.id`, and start it again"
)

_log = logging.getLogger(__name__)


class Identity(NamedTuple):
    """What a node says of itself; the last of its latest runs is this one.

    A node whose machine was cloned has the same id and the same name, but other runs since then. The clone knows the
    run that goes on in the original, so a run of another boot counts as ended only once it is silent.
    """

    node: UUID
    name: str
    version: str = __version__
    role: str = ALL_PARTS
    runs: tuple[UUID, ...] = ()

    def as_parameters(self) -> dict[str, Any]:
        """Return it as the parameters of a query."""
        run = self.runs[-1] if self.runs else None
        ended = [each for each in self.runs if run and are_of_one_boot(each, run)]
        before_boot = [each for each in self.runs if each not in ended]
        return {**self._asdict(), "run": run, "runs": ended, "before_boot": before_boot}


class Progress(NamedTuple):
    """The numbers up to which a node has all batches: in its store, in the store's file, and in a backup."""

    stored: int
    checkpointed: int | None = None
    backed_up: int | None = None


class NodeRow(NamedTuple):
    """The facts about a node; times are the server's, and `clock_ahead` says how far the node's own clock is ahead."""

    node: UUID
    name: str
    version: str
    role: str
    unseen_seconds: float
    rows_behind: int
    seconds_behind: float
    checkpointed: int
    backed_up: int
    lacks_rows: bool
    clock_ahead: float | None


class Overview(NamedTuple):
    """All nodes, and the number and the age in seconds of the oldest batch that is there; 0 and 0 if there is none."""

    nodes: list[NodeRow]
    oldest: int = 0
    oldest_seconds: float = 0.0


def measure_clock(connection: Connection) -> float:
    """Measure by how many seconds the clock here is ahead of the server's, give or take half the time of an answer."""
    before = time.time()
    (there,) = connection.execute(_TIME).fetchone() or (before,)
    return (before + time.time()) / 2 - float(there)


def say_alive(connection: Connection, identity: Identity, clock_ahead: float | None = None) -> bool:
    """Say that a node lives, which makes it known; tell whether no other lives under its id."""
    return connection.execute(_BEAT, {**identity.as_parameters(), "clock_ahead": clock_ahead}).rowcount == 1


def report(connection: Connection, identity: Identity, progress: Progress) -> bool:
    """Say how far a node is, and tell whether the node is known.

    Args:
        connection: the one on which the batches were read whose numbers these are.
        identity: the node.
        progress: how far it is.
    """
    return connection.execute(_REPORT, {**identity.as_parameters(), **progress._asdict()}).rowcount == 1


def read_overview(connection: Connection) -> Overview:
    """Read what is known of all nodes."""
    selected = connection.execute(read_sql_file(__package__, "overview.sql").encode())
    nodes = [NodeRow._make(row) for row in selected]
    number, seconds = connection.execute(_OLDEST).fetchone() or (0, 0.0)
    return Overview(nodes, number, seconds)


def forget(connection: Connection, node: UUID) -> bool:
    """Forget a node, and tell whether it was known; the rows that it does not have wait for it no longer."""
    return connection.execute("DELETE FROM clc_spool.nodes WHERE node = %s", [node]).rowcount == 1


class Membership:
    """Keeps this node known to the others, and rows that no node needs out of the shared spool.

    Args:
        server: where the shared spool is.
        identity: what this node says of itself.
    """

    def __init__(self, server: SpoolServer, identity: Identity) -> None:
        self.identity = identity
        self.latest: Overview | None = None
        """The last overview; None while the server can't be used."""
        self.obstacle: str | None = None
        """Why this node is not known to the others."""
        self._server = server
        self._next_at = 0.0

    def turn(self) -> None:
        """Say that this node lives, look at the others, and delete rows, if it is time to."""
        if time.monotonic() < self._next_at:
            return
        self._next_at = time.monotonic() + _SECONDS
        try:
            with self._server.session(purpose=PRESENCE) as connection:
                with transaction(connection):
                    is_known = say_alive(connection, self.identity, measure_clock(connection))
                    self.latest = read_overview(connection)
                self.obstacle = None if is_known else _DOUBLE
                ends = time.monotonic() + _FREEING_SECONDS
                while free_rows(connection) and time.monotonic() < ends:
                    pass
        except SharedSpoolError:
            self.latest = None


class Presence:
    """The thread that keeps a node without a shipper known; `part` names it, as a part of a process.

    Args:
        server: where the shared spool is.
        membership: what this node says there.
    """

    part = "presence"
    shipped = None
    """It ships nothing, see `Shipper`."""

    def __init__(self, server: SpoolServer, membership: Membership) -> None:
        self.pulse = Pulse()
        """Beats with each turn of the thread."""
        self._server = server
        self._membership = membership
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=self.part, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self, _seconds: float) -> None:
        """End: nothing is left to do."""
        self._stopping.set()
        self._thread.join()
        self._server.close()

    @property
    def failure(self) -> str | None:
        """Why the server can't be used at the moment."""
        return self._server.failure

    @property
    def since(self) -> datetime | None:
        """The time since which the server can't be used."""
        return self._server.since

    def _run(self) -> None:
        while not self._stopping.wait(_TURN_SECONDS):
            with self.pulse.busy("saying that this machine lives"):
                try:
                    self._membership.turn()
                except Exception:  # noqa: BLE001 - the thread can't end in silence
                    _log.exception(
                        "the other machines could not be told that this one lives, by an error in this program"
                    )
                    self._stopping.wait(1)
