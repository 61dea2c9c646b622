"""Where a scenario has its files, and the product's own code that works on them."""

import contextlib
import os
import time
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from receiver.cli import main as clc_receiver
from receiver.notification import Notification
from receiver.senders.sender import Event
from receiver.settings import Settings, read_settings
from receiver.spool import SpoolWriter
from receiver.spool.owners import open_spool
from receiver.store.appending import condition
from receiver.store.loop import AppendLoop
from receiver.store.recovery import open_store
from receiver.store.status import StatusKeeper
from tests.durability.shim.oracle import Promises
from tests.durability.support.stores import accepted
from tests.support import bodies
from tests.support.keys import key_directory

DIED = 86
"""How a store ends that only a new process can go on for; the supervisor starts it again, and so does the server."""

MOST_SECONDS = 2.0
MOST_SECONDS_AFTERWARDS = 20.0
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
def open_loop(place: Place):
    """Open the store with its loop, which appends until the block ends, and checkpoints then."""
    condition._FIRST_SECONDS = condition._LONGEST_SECONDS = 0.02
    connection = open_store(place.settings)
    loop = AppendLoop(
        connection,
        open_spool(place.settings),
        place.settings.duplicate_window_seconds,
        on_fatal=lambda: os._exit(DIED),
        data_dir=place.data,
    )
    loop.start()
    yield connection, loop
    loop.stop()
    connection.close()


def wait(done, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not done() and time.monotonic() < deadline:
        time.sleep(0.005)


def status_of(place: Place, connection, loop: AppendLoop) -> dict[str, Any]:
    """Find out what status says of the store, and how much of what is promised it accounts for."""
    keeper = StatusKeeper(place.settings, connection, loop.read_condition)
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


def run_command(*arguments: str) -> int:
    """Run `clc-receiver` in this process and return how it exits."""
    try:
        return clc_receiver([*arguments], standalone_mode=False) or 0
    except BaseException as error:  # noqa: BLE001 - whatever it is, that is no success
        print(f"{type(error).__name__}: {error}", flush=True)
        return 1
