"""What the product does while its calls fail: each scenario makes its files, runs, and says what must be so afterwards.

All of it is the product's own code on real files. Each function runs in a process of its own.
"""

import contextlib
import json
import os
import shutil
import time
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from receiver import backup_file
from receiver.cli import main as clc_receiver
from receiver.events import Event
from receiver.notification import Notification
from receiver.settings import Settings, read_settings
from receiver.signature import key_fingerprint, load_public_key
from receiver.spool import SpoolWriter
from receiver.store import loop as append_loop
from receiver.store.backup import Backups
from receiver.store.loop import AppendLoop
from receiver.store.recovery import open_store
from receiver.store.status import StatusKeeper
from tests import bodies
from tests.durability.shim import oracle
from tests.durability.shim.oracle import Promises
from tests.durability.stores import accepted
from tests.keys import key_directory
from tests.rows import rejection

DIED = 86
"""How a store ends that only a new process can go on for; the supervisor starts it again, and so does the server."""

_MOST_SECONDS = 2.0
_MOST_SECONDS_AFTERWARDS = 20.0
# What no store alone can be well in: these are of `serve`, of the machine, and of a schedule that nobody set.
_NOT_OF_THE_STORE = {
    *("serving", "processes_not_running", "restarts_last_hour", "data_free_bytes", "spool_free_bytes", "backup_at"),
}


class Place(NamedTuple):
    """Where a run has its files: those below `data` are watched, those in `outside` are not."""

    data: Path
    outside: Path

    @property
    def promises(self) -> Promises:
        """What was acknowledged."""
        return Promises(self.outside / "promised")

    @property
    def settings(self) -> Settings:
        """Settings of a store in this place."""
        return _settings(self.data)


@cache
def _settings(data_dir: Path) -> Settings:
    os.environ["CLC_PUBLIC_KEY"] = str(key_directory() / "public.pem")
    return read_settings(data_dir=data_dir)


def rows(first: int, last: int) -> list:
    """Make notifications: users, accounts, and servers of which every other was modified before the one before it."""
    return [_row(number) for number in range(first, last)]


@cache
def _row(number: int) -> Notification:
    return accepted(number, **_server(number) if number % 3 else _other(number))


def warm_up(place: Place) -> None:
    """Make once what each run would make anew."""
    rows(0, 30)
    assert place.settings


def _server(number: int) -> dict[str, Any]:
    second = number if number % 2 else 50 - number
    body = bodies.SERVER.replace(b"22:14:31Z", b"22:14:%02dZ" % second).replace(b'"cpu":2', b'"cpu":%d' % number)
    return {"event": Event("Server", "Updated"), "body": body}


def _other(number: int) -> dict[str, Any]:
    if number % 2:
        return {}
    return {"event": Event("Account", "Updated"), "body": bodies.ACCOUNT.replace(b"Floor 2", b"Floor %d" % number)}


def spool(place: Place, fresh: list, refused: list | None = None) -> None:
    """Put rows into the spool, by a writer of its own that is killed: it leaves a WAL behind."""
    pid = os.fork()
    if pid == 0:
        writer = SpoolWriter(place.data / "spool", rows_per_segment=8)
        for start in range(0, len(fresh), 4):
            writer.append_all(fresh[start : start + 4])
        writer.append_all(refused or [])
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0
    place.promises.add(fresh)
    place.promises.add(refused or [], refused=True)


@contextlib.contextmanager
def _store(place: Place):
    """Open the store with its loop, which appends until the block ends, and checkpoints then."""
    append_loop._RETRY_SECONDS = 0.02
    connection = open_store(place.settings).connection
    loop = AppendLoop(
        connection,
        place.settings.spool_directory,
        place.settings.duplicate_window_seconds,
        on_fatal=lambda: os._exit(DIED),
        data_dir=place.data,
    )
    loop.start()
    yield connection, loop
    loop.stop()
    connection.close()


def _wait(done, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not done() and time.monotonic() < deadline:
        time.sleep(0.005)


def status_of(place: Place, connection) -> dict[str, Any]:
    """Find out what status says of the store, and how much of what is promised it accounts for."""
    keeper = StatusKeeper(place.settings, connection)
    try:
        status = keeper.refresh()
    except OSError as error:
        return {"state": f"not found out: {error}"}
    judged = [figure for figure in status.figures if figure.name not in _NOT_OF_THE_STORE]
    states = {figure.state for figure in judged}
    found = {figure.name: figure.value for figure in status.figures}
    return {
        "state": next((state for state in ("red", "amber") if state in states), "ok"),
        "figures": {figure.name: figure.text for figure in judged if figure.state != "ok"},
        "backup": next(figure.text for figure in status.figures if figure.name == "backup_at"),
        "accounted": sum(int(found.get(name) or 0) for name in ("notifications", "spool_rows", "rows_set_aside")),
    }


class Scenario:
    """One thing that the product does; this one is the store that appends what is in the spool."""

    def make(self, place: Place) -> None:
        """Make a store of 9 rows, and a spool of two writers, in three segments, with 15 more and a refusal."""
        spool(place, rows(0, 9))
        self.settle(place)
        spool(place, rows(9, 21))
        spool(place, rows(21, 24), [rejection(1)])

    def run(self, place: Place) -> dict[str, Any]:
        """Open the store, append what is new, checkpoint, and find out what status says."""
        expected = len(place.promises.read()) + len(place.promises.read(refused=True)) - 9
        with _store(place) as (connection, loop):
            _wait(lambda: sum(loop.figures().values()) >= expected, _MOST_SECONDS)
            with contextlib.suppress(Exception), loop.paused():  # a checkpoint, with segments to let go
                pass
            return status_of(place, connection)

    def settle(self, place: Place) -> dict[str, Any]:
        """Start again without faults: append what is left, and end in order."""
        promised = self.promised(place)
        count = "SELECT (SELECT count(*) FROM notifications) + (SELECT count(*) FROM rejected)"

        def is_done():
            return connection.cursor().execute(count).fetchall()[0][0] >= promised

        with _store(place) as (connection, _):
            _wait(is_done, _MOST_SECONDS_AFTERWARDS if promised else 0)
            return status_of(place, connection)

    def promised(self, place: Place) -> int:
        """Say how many rows the database must come to hold."""
        return len(place.promises.read()) + len(place.promises.read(refused=True))

    def check(self, place: Place, ran: dict[str, Any], settled: dict[str, Any]) -> list[str]:
        """Say what is not as it must be after a run and another start.

        Args:
            place: where.
            ran: what `run` gave, as far as it came to its end; `is_lasting` if its fault lasted.
            settled: what `settle` gave.
        """
        problems = oracle.broken_in(place.settings.database, place.promises)
        # It takes longer than all the rest, and claims nothing where nothing is wrong but for what status says.
        code = run_command("verify", "--data-dir", str(place.data)) if problems or self.verifies(place) else 0
        if problems and code == 0:
            problems.append("verify exits with 0 all the same")
        if problems and settled["state"] == "ok":
            problems.append("status is ok all the same")
        if not problems and code != 0:
            problems.append(f"verify exits with {code} though all is there")
        if not problems and settled["state"] == "red":
            problems.append(f"status is red though all is there: {settled['figures']}")
        return [*problems, *self.check_run(place, ran)]

    def verifies(self, place: Place) -> bool:
        """Tell whether the start after the run reported anything, so that `verify` has something to be wrong about."""
        return any((place.data / name).exists() for name in ("recovery.json", "aside", "spool/aside"))

    def check_run(self, place: Place, ran: dict[str, Any]) -> list[str]:
        """Say what status claimed wrongly while a fault was there."""
        missing = len(place.promises.read()) - ran.get("accounted", 0)
        if ran.get("state") == "ok" and missing > 0:
            return [f"status was ok while it did not account for {missing}"]
        return []


def run_command(*arguments: str) -> int:
    """Run `clc-receiver` in this process and return how it exits."""
    try:
        return clc_receiver([*arguments], standalone_mode=False) or 0
    except BaseException as error:  # noqa: BLE001 - whatever it is, that is no success
        print(f"{type(error).__name__}: {error}", flush=True)
        return 1


class Spooling(Scenario):
    """A writer that acknowledges rows, through several segments."""

    def make(self, place: Place) -> None:
        """Make an empty place: the writer makes its directory."""
        place.data.mkdir(exist_ok=True)

    def run(self, place: Place) -> dict[str, Any]:
        """Commit groups of rows, and note those that were acknowledged."""
        writer = SpoolWriter(place.data / "spool", rows_per_segment=4, patient=True)
        refused = 0
        for start in range(0, 14, 2):
            group = rows(start, start + 2)
            try:
                writer.append_all(group)
            except Exception as error:  # noqa: BLE001 - the senders hear of it
                print(f"refused: {error}", flush=True)
                refused += 1
            else:
                place.promises.add(group)
        writer.close()
        return {"refused": refused}

    def check_run(self, place: Place, ran: dict[str, Any]) -> list[str]:
        """One fault refuses no more than one group: the writer comes back by itself."""
        del place
        too_many = ran.get("refused", 0) > 1 and not ran["is_lasting"]
        return [f"{ran['refused']} groups were refused"] if too_many else []


class BackingUp(Scenario):
    """A store that makes a backup while rows wait in its spool."""

    def run(self, place: Place) -> dict[str, Any]:
        """Make a backup."""
        with _store(place) as (connection, loop):
            try:
                made = Backups(place.settings, loop).make(lambda _copied, _bytes: None).file.name
            except Exception as error:  # noqa: BLE001 - there is none, and it says so
                print(f"no backup: {error}", flush=True)
                made = None
            return {**status_of(place, connection), "made": made}

    def check_run(self, place: Place, ran: dict[str, Any]) -> list[str]:
        """Open each backup that has its name: it holds all that was promised."""
        files = sorted((place.data / "backups").glob("clc-*.duckdb"))
        problems = [
            f"{file.name}: {each}"
            for file in files
            for each in oracle.broken(place.promises.read(), oracle.stored_in(file))
        ]
        if ran.get("made") and ran["made"] not in [file.name for file in files]:
            problems.append(f"the backup {ran['made']} was made, and is not there")
        if not ran.get("made") and "FAILED" not in ran.get("backup", "FAILED") and not ran["is_lasting"]:
            problems.append("a backup failed, and status does not say so")
        return [*super().check_run(place, ran), *problems]


class Restoring(Scenario):
    """`clc-receiver restore --force` over a store that is newer than the backup, with rows in the spool."""

    def make(self, place: Place) -> None:
        """Make a store, a backup of it outside, and then more rows, in the store and in the spool."""
        spool(place, rows(0, 9))
        self.settle(place)
        backup = place.outside / "backup.duckdb"
        shutil.copyfile(place.settings.database, backup)
        key = key_fingerprint(load_public_key(place.settings.public_key))
        backup_file.seal(backup, key, place.data / "accounts.sqlite")
        spool(place, rows(9, 15))
        self.settle(place)
        (place.outside / "left_out").write_text(json.dumps(list(place.promises.read())[9:]))
        spool(place, rows(15, 21))

    def run(self, place: Place) -> dict[str, Any]:
        """Restore."""
        code = run_command("restore", str(place.outside / "backup.duckdb"), "--force", "--data-dir", str(place.data))
        return {"code": code}

    def promised(self, place: Place) -> int:
        """Say how many rows the database must come to hold: it may have been restored already, or not yet."""
        return super().promised(place) - len(self._left_out(place))

    @staticmethod
    def _left_out(place: Place) -> list[str]:
        file = place.outside / "left_out"
        return json.loads(file.read_text()) if file.exists() else []

    def check(self, place: Place, ran: dict[str, Any], settled: dict[str, Any]) -> list[str]:
        """The store is the one before, whole, or the backup and the spool, and status says what was left out."""
        left_out = self._left_out(place)
        before = oracle.broken_in(place.settings.database, place.promises)
        code = run_command("verify", "--data-dir", str(place.data))
        if not before:
            return ["restore said it was done, and was not"] * (ran.get("code") == 0)
        promised = {name: digest for name, digest in place.promises.read().items() if name not in left_out}
        problems = oracle.broken(promised, oracle.stored_in(place.settings.database), may_be={})
        if problems and code == 0:
            problems.append("verify exits with 0 all the same")
        if settled["state"] == "ok":
            problems.append("status is ok though notifications were left out")
        return problems


class Recovering(Scenario):
    """A store that starts on files which a crash has left."""

    def __init__(self, damage: str) -> None:
        self._damage = damage

    def make(self, place: Place) -> None:
        """Make a store with a backup that holds all of it, rows in the spool, and the damage."""
        spool(place, rows(0, 9))
        self.settle(place)
        (place.data / "backups").mkdir(exist_ok=True)
        shutil.copyfile(place.settings.database, place.data / "backups" / "clc-20260301T000000000000Z.duckdb")
        spool(place, rows(9, 18))
        database = place.settings.database
        if self._damage == "missing":
            database.unlink()
        elif self._damage == "torn wal":
            self._append_without_checkpoint(place)
            wal = database.with_name(database.name + ".wal")
            wal.write_bytes(wal.read_bytes()[:-700])
        else:
            with database.open("r+b") as file:
                file.seek(4096)
                file.write(b"\x55" * 8192)

    @staticmethod
    def _append_without_checkpoint(place: Place) -> None:
        """Leave the files as a kill would: after an append, before its checkpoint."""
        pid = os.fork()
        if pid == 0:
            with _store(place) as (_, loop):
                _wait(lambda: loop.figures()["appended"] >= 9, _MOST_SECONDS_AFTERWARDS)
                os._exit(0)
        os.waitpid(pid, 0)


SCENARIOS: dict[str, Scenario] = {
    "append": Scenario(),
    "spool": Spooling(),
    "backup": BackingUp(),
    "restore": Restoring(),
    "recover from a torn WAL": Recovering("torn wal"),
    "recover from a missing database": Recovering("missing"),
    "recover from a damaged database": Recovering("damaged"),
}
