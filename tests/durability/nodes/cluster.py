"""Four machines, three of them with a store, with all that they need: PostgreSQL, object storage, a proxy, senders."""

import signal
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from random import Random

from receiver.spool import SpoolReader
from tests.durability.nodes import sending
from tests.durability.nodes.machines import Machine
from tests.durability.nodes.proxy import Proxy
from tests.durability.nodes.servers import Pair
from tests.support.keys import key_directory
from tests.support.object_storage import CREDENTIALS, ObjectStorage
from tests.support.prepared import run_program
from tests.support.processes import Process, Receiver, environment, stopped
from tests.support.sizes import size
from tests.support.waiting import until

ROLES = {"one": None, "two": None, "three": "store", "four": "listener"}
POSITIONS = "SELECT segment, kind, last FROM clc_spool.positions"
WATERMARKS = "SELECT segment, kind, position FROM watermarks"
LONGEST = size(120, 1800)
NOTIFICATIONS, CONNECTIONS = size("2000", "100000"), size("100", "1000")
"""How many are signed before, to be sent over and over; and on how many connections."""

MOST_BEHIND = 30_000

Positions = dict[tuple[str, str], int]


class Traffic(Process):
    """The senders, with a line in their report for each sent. It is read once, piece by piece."""

    def __init__(self, directory: Path, url: str, rate: int) -> None:
        self.report, archive = directory / "report.jsonl", directory / "sent.jsonl"
        key = key_directory() / "private.pem"
        history = ("--archive", str(archive), "--days", "30", "--count", NOTIFICATIONS, "--key", str(key), "--quiet")
        env = environment(directory)
        done = run_program("receiver", "simulate", *history, env=env, cwd=directory)
        assert done.returncode == 0, done.stderr
        command = [sys.executable, sending.__file__, url, str(archive), str(rate), CONNECTIONS, str(self.report)]
        super().__init__(command, env, cwd=directory)
        self._end = self._accepted = 0
        until(lambda: not self.ended() and self.report.exists(), what="the senders")

    def accepted(self) -> int:
        """Count what got a 200 so far."""
        self.ended()
        with self.report.open("rb") as report:
            report.seek(self._end)
            new = report.read()
        self._end += len(new)
        self._accepted += new.count(b',"status":200,')
        return self._accepted


class Cluster:
    """All of it, and what is asked of it.

    Args:
        directory: the machines' disks.
        storage: where their backups go, to `bucket`.
        bucket: its URL.
        random: decides what is left open.
        ends: what is started is ended by it.
    """

    def __init__(self, directory: Path, storage: ObjectStorage, bucket: str, random: Random, ends: ExitStack) -> None:
        self.random, self.storage, self._ends = random, storage, ends
        self.done: list[str] = []
        """The faults that there were."""
        self.wiped_at: list = []
        """When a machine that takes notifications lost its disk."""
        self.postgres = Pair(ends, random)
        settings = {
            **CREDENTIALS,
            "CLC_SHARED_SPOOL": self.postgres.url,
            "CLC_OBJECTS": bucket,
            "CLC_BACKUP_EVERY": size("1d", "180s"),
            "CLC_BACKUP_KEEP": "1",
            "CLC_ACKNOWLEDGE": "replicated",
        }
        self.machines = {name: Machine(directory / name, settings, only) for name, only in ROLES.items()}
        key_directory()  # made once, before threads ask for it
        for machine in self.machines.values():
            ends.callback(machine.stop)
        with ThreadPoolExecutor() as threads:
            list(threads.map(Machine.start, self.machines.values()))
        self.proxy = Proxy(directory / "proxy", [machine.listen for machine in self.taking])
        ends.callback(self.proxy.stop)

    @property
    def taking(self) -> list[Machine]:
        """The machines that take notifications."""
        return [machine for machine in self.machines.values() if machine.takes]

    @property
    def stores(self) -> list[Receiver]:
        """The receivers that have a store."""
        return [machine.receiver for machine in self.machines.values() if machine.stores]

    def send(self, directory: Path, rate: int) -> None:
        """Begin to send, so many a second."""
        self.rate, self.paused = rate, 0.0
        self.traffic = Traffic(directory, self.proxy.url, rate)
        self._ends.enter_context(self.traffic)

    def until_accepted(self, count: int) -> None:
        """Wait until so many more are accepted."""
        wanted = self.traffic.accepted() + count
        until(lambda: self.traffic.accepted() >= wanted, seconds=LONGEST, what="load")

    def let_stores_catch_up(self) -> None:
        """Pause the senders if a store is far behind: the machine has too few processors to store all at such rates."""
        if self._behind() >= MOST_BEHIND:
            with self.pause():
                until(lambda: self._behind() < MOST_BEHIND / 10, seconds=LONGEST, what="the stores")

    @contextmanager
    def pause(self) -> Iterator[None]:
        """Let the senders pause meanwhile."""
        began = time.monotonic()
        with stopped(self.traffic.process.pid):
            yield
        self.paused += time.monotonic() - began

    def _behind(self) -> int:
        sent = sum(self.positions().values())
        return max(sent - sum(_read_watermarks(receiver).values()) for receiver in self.stores)

    def stop_sending(self) -> None:
        """End the senders once all is answered."""
        self.traffic.stop(signal.SIGINT)

    def positions(self) -> Positions:
        """Read how far the shared spool has each segment."""
        return {(segment, kind): last for segment, kind, last in self.postgres.primary.read(POSITIONS)}

    def until_sent(self, *machines: Machine) -> None:
        """Wait until the shared spool has all that machines have in their spools."""
        for machine in machines:
            until(
                lambda machine=machine: _are_in(_read_spool(machine.directory / "spool"), self.positions()),
                seconds=LONGEST,
                what=f"all that {machine} took in the shared spool",
            )

    def until_stored(self) -> None:
        """Wait until each store has all that the shared spool has or had."""
        for receiver in self.stores:
            until(
                lambda receiver=receiver: _read_watermarks(receiver) == self.positions(),
                seconds=LONGEST,
                what=f"all in the store of {receiver.data_dir.name}",
            )


def _are_in(taken: Positions, positions: Positions) -> bool:
    return all(positions.get(place, 0) >= last for place, last in taken.items())


def _read_spool(spool: Path) -> Positions:
    with closing(SpoolReader(spool)) as reader:
        return {
            (segment.name, kind): segment.find_last_position(kind)
            for segment in reader.list_segments()
            for kind in ("notifications", "rejected")
            if segment.find_last_position(kind)
        }


def _read_watermarks(receiver: Receiver) -> Positions:
    return {(row["segment"], row["kind"]): row["position"] for row in receiver.sql(WATERMARKS)}
