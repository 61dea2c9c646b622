"""Whatever is done in whatever order: what got a 200 is kept once, byte for byte."""

import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path
from uuid import UUID

import pytest
import urllib3
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from tests.durability.support.commands import run_command
from tests.durability.support.promise import broken, kept_in, stored_by, stored_in, waiting_in
from tests.support.processes import PreparedReceiver, Receiver
from tests.support.sizes import size
from tests.support.waiting import until

_SEED = int(os.environ.get("SEED", size(1, time.time_ns() % 1_000_000)))
_SPOOL_BYTES = 96 * 1024 * 1024
_COUNTS = st.integers(2, 150)
_SEEDS = st.integers(0, 2**32 - 1)
_figures = Counter()


def can_mount() -> bool:
    """Tell whether this user may make a small disk to be filled."""
    if os.geteuid() != 0:
        return False
    with tempfile.TemporaryDirectory() as directory:
        made = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=1m", "clc", directory], capture_output=True, check=False
        )
        if made.returncode == 0:
            subprocess.run(["umount", directory], check=True)
        return made.returncode == 0


MOUNTS = can_mount()


def once_while_stopped(what):
    """Make a precondition that is met once each time."""
    return lambda machine: machine.is_stopped() and what not in machine.done_while_stopped


class ReceiverMachine(RuleBasedStateMachine):
    """A real `serve`, its files, and a model: the SHA-256 of each acknowledged body by id."""

    def __init__(self) -> None:
        super().__init__()
        self.home = Path(tempfile.mkdtemp(prefix="clc-machine-"))
        self.data_dir = self.home / "data"
        self.spool = self.data_dir / "spool"
        self.promised: dict[UUID, str] = {}
        self.backups: dict[Path, dict[UUID, str]] = {}
        self.number = 0
        self.has_begun = False
        self.ballast = self.spool / "ballast"
        self.may_refuse = False
        # Rules may depend only on what was done, not on how it went: Hypothesis must be able to do the same again.
        self.full = False
        self.tries = 0
        self.to_look_at = False
        self.done_while_stopped: set[str] = set()
        self.receiver: Receiver | None = None

    @initialize()
    def begin(self):
        self.spool.mkdir(parents=True)
        if MOUNTS:
            disk = ["mount", "-t", "tmpfs", "-o", f"size={_SPOOL_BYTES}", "clc", str(self.spool)]
            subprocess.run(disk, check=True)
        self.has_begun = True
        self.start()

    def is_running(self):
        return self.receiver is not None

    def is_stopped(self):
        return self.receiver is None and self.has_begun

    def is_full(self):
        return self.full

    def start(self):
        self.done_while_stopped.clear()
        self.receiver = PreparedReceiver(self.data_dir)

    @precondition(is_running)
    @rule(count=_COUNTS, long=st.booleans())
    def post(self, count, long):
        for _ in range(count):
            self.post_one("x" * 5_000 if long else "")

    def post_one(self, filling=""):
        self.number += 1
        self.to_look_at = True
        body = json.dumps({"accountAlias": "ACME", "userName": "kim@acme.example", "n": self.number, "x": filling})
        try:
            response = self.receiver.sender.post("/webhooks/User.Updated", body.encode())
        except urllib3.exceptions.HTTPError:
            _figures["no answer"] += 1  # its listener was killed just now
            return
        assert response.status in ({200, 503} if self.may_refuse else {200}), response.data
        _figures[response.status] += 1
        if response.status == 200:
            self.promised[UUID(response.headers["Notification-Id"])] = sha256(body.encode()).hexdigest()

    @contextlib.contextmanager
    def while_posting(self, count):
        """Post on and on beside a block, which begins in the middle of it."""
        before = self.number
        with ThreadPoolExecutor(1) as pool:
            posting = pool.submit(lambda: [self.post_one() for _ in range(count)])
            until(lambda: self.number >= before + count // 2 or posting.done(), what="half of them")
            yield
            posting.result()

    @precondition(is_running)
    @rule()
    def post_what_is_refused(self):
        _figures["post refused"] += 1
        with contextlib.suppress(urllib3.exceptions.HTTPError):
            status = self.receiver.sender.post("/webhooks/User.Updated", b"no json").status
            assert status in ({400, 503} if self.may_refuse else {400})

    @precondition(is_running)
    @rule(victim=st.sampled_from(["store", "listener"]), count=_COUNTS)
    def kill(self, victim, count):
        _figures[f"kill {victim}"] += 1
        before = until(lambda: self.receiver.children().get(victim), what=f"a {victim}")
        with self.while_posting(count), contextlib.suppress(ProcessLookupError):
            os.kill(before, signal.SIGKILL)
        until(lambda: self.receiver.children().get(victim, before) != before, what=f"a new {victim}")
        if victim == "listener":
            until(self.is_answering, what="an answer")

    def is_answering(self):
        try:
            return self.receiver.sender.get("/healthz").status == 200
        except urllib3.exceptions.HTTPError:
            return False

    @precondition(is_running)
    @rule(count=_COUNTS)
    def kill_all(self, count):
        _figures["kill all"] += 1
        children = self.receiver.children().values()
        with self.while_posting(count):
            self.receiver.process.kill()
            # At once, as a power cut would: left alone they end in order, and no WAL is left.
            for pid in children:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            self.receiver.stop(signal.SIGKILL)
        self.receiver = None
        until(lambda: not [pid for pid in children if Path(f"/proc/{pid}").exists()], what="the children's end")

    @precondition(is_running)
    @rule(count=_COUNTS)
    def restart(self, count):
        _figures["restart"] += 1
        with self.while_posting(count):
            assert self.receiver.stop() == 0, self.receiver.log
        self.start()

    @precondition(is_stopped)
    @rule()
    def start_again(self):
        _figures["start"] += 1
        self.start()

    @precondition(lambda self: MOUNTS and self.is_running() and not self.is_full())
    @rule(count=_COUNTS)
    def fill(self, count):
        _figures["fill"] += 1
        self.may_refuse = self.full = True
        with self.while_posting(count), contextlib.suppress(OSError), self.ballast.open("wb", buffering=0) as file:
            while file.write(bytes(4096)):
                pass

    @precondition(is_full)
    @rule()
    def free(self):
        _figures["free"] += 1
        self.make_room()

    def make_room(self):
        self.ballast.unlink()
        self.full = False
        if self.receiver is not None:
            until(self.is_ready, what="a spool that takes writes")
        self.may_refuse = False

    def is_ready(self):
        try:
            return self.receiver.sender.get("/readyz").status == 200
        except urllib3.exceptions.HTTPError:
            return False

    @precondition(is_running)
    @rule(count=_COUNTS)
    def checkpoint_and_back_up(self, count):
        _figures["backup and checkpoint"] += 1
        self.post(count, long=False)
        directory = self.data_dir / "backups"
        directory.mkdir(exist_ok=True)
        self.tries += 1
        file = directory / f"by-hand-{self.tries:03}.duckdb"
        promised = dict(self.promised)
        done = run_command(self.data_dir, "backup", str(file))
        if done.returncode == 0:
            self.backups[file] = promised
            assert promised.keys() <= {row.id for row in stored_in(file)}
        else:  # the store was killed just now
            assert "does not answer" in done.stderr or "made no backup" in done.stderr or self.is_full(), done.stderr

    @precondition(lambda self: self.is_stopped() and self.tries and "restore" not in self.done_while_stopped)
    @rule(which=st.integers(0, 1_000))
    def restore(self, which):
        self.done_while_stopped |= {"restore", "database"}
        if self.backups:
            _figures["restore"] += 1
            file = sorted(self.backups)[which % len(self.backups)]
            self.promised = self.still_promised(file)
            done = run_command(self.data_dir, "restore", "--force", str(file))
            assert done.returncode == 0, done.stderr

    @precondition(once_while_stopped("WAL"))
    @rule(how=st.sampled_from(["cut", "flip", "gone", "garbage"]), seed=_SEEDS)
    def damage_the_wal(self, how, seed):
        self.done_while_stopped.add("WAL")
        wal = self.data_dir / "clc.duckdb.wal"
        _figures[f"WAL {how}" if wal.exists() else "no WAL to damage"] += 1
        if wal.exists():
            self.damage(wal, how, random.Random(seed))

    @precondition(once_while_stopped("database"))
    @rule(how=st.sampled_from(["cut", "gone", "garbage"]), seed=_SEEDS)
    def damage_the_database(self, how, seed):
        self.done_while_stopped.add("database")
        _figures[f"database {how}"] += 1
        newest = max(self.backups, key=lambda path: path.stat().st_mtime, default=None)
        self.promised = self.still_promised(newest)
        self.damage(self.data_dir / "clc.duckdb", how, random.Random(seed))

    def still_promised(self, backup):
        """What the backup and the spool hold is promised still when the database is lost."""
        kept = {row.id for row in waiting_in(self.spool, {})}
        kept |= self.backups[backup].keys() if backup else set()
        return {name: digest for name, digest in self.promised.items() if name in kept}

    def damage(self, path, how, drawn):
        content = path.read_bytes()
        if how == "gone":
            path.unlink()
        elif how == "garbage":
            path.write_bytes(drawn.randbytes(50_000))
        elif how == "cut":
            os.truncate(path, drawn.randrange(len(content)))
        elif content:
            bit = drawn.randrange(len(content) * 8)
            path.write_bytes(content[: bit // 8] + bytes([content[bit // 8] ^ 1 << bit % 8]) + content[bit // 8 + 1 :])

    @precondition(once_while_stopped("foreign"))
    @rule(name=st.sampled_from(["notes.sqlite", "0192a0b1c2d3e4f5a6b7c8d9e0f1a2b3-000001.sqlite"]))
    def put_a_foreign_file_into_the_spool(self, name):
        _figures["foreign file"] += 1
        self.done_while_stopped.add("foreign")
        with contextlib.suppress(OSError):
            (self.spool / name).write_text("foreign")

    @precondition(lambda self: self.is_running() and self.to_look_at)
    @rule()
    def all_of_it_comes_into_the_table(self):
        _figures["all in the table"] += 1
        self.to_look_at = False
        until(self.holds_all, seconds=60, what="all that was acknowledged in the table")
        assert broken(self.promised, stored_by(self.receiver)) == []

    def holds_all(self):
        try:
            return self.promised.keys() <= {row.id for row in stored_by(self.receiver)}
        except (AssertionError, urllib3.exceptions.HTTPError):  # the store is on its way back
            return False

    def teardown(self):
        try:
            if self.has_begun:
                if self.is_full():
                    self.make_room()
                if self.receiver is None:
                    self.start()
                self.all_of_it_comes_into_the_table()
                assert self.receiver.stop() == 0, self.receiver.log
                self.receiver = None
                assert broken(self.promised, kept_in(self.data_dir)) == []
                _figures["notifications"] += len(self.promised)
        finally:
            if self.receiver is not None:
                self.receiver.stop(signal.SIGKILL)
            if MOUNTS:
                subprocess.run(["umount", "--lazy", str(self.spool)], check=False)
            shutil.rmtree(self.home, ignore_errors=True)


@pytest.mark.slow
def test_whatever_happens_in_whatever_order_what_got_a_200_is_kept_once(capsys):
    # Hypothesis begins with two of the simplest stories, in which nothing is acknowledged.
    examples, steps = size(3, 30), size(12, 25)
    run_state_machine_as_test(
        seed(_SEED)(ReceiverMachine),
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.generate],
            print_blob=False,
        ),
    )
    figures = dict(sorted(_figures.items(), key=str))
    with capsys.disabled():
        print(f"\nstate machine, SEED={_SEED}, {examples} stories of up to {steps} steps: {figures}")
    assert _figures["notifications"], "in none of the stories was anything acknowledged"
