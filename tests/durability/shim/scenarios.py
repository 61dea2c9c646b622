"""What the product does while its calls fail: each scenario makes its files, runs, and says what must be so afterwards.

All of it is the product's own code on real files. Each method runs in a process of its own.
"""

import contextlib
import json
import os
import shutil
from typing import Any

import duckdb

from receiver.database.appended import read_appended
from receiver.keeping import backup_file
from receiver.senders.centurylink.signature import load_public_key
from receiver.senders.keys import compute_fingerprint
from receiver.spool import SpoolWriter
from receiver.store.backup import Backups
from tests.durability.shim import oracle
from tests.durability.shim.places import (
    MOST_SECONDS,
    MOST_SECONDS_AFTERWARDS,
    Place,
    open_loop,
    rows,
    run_command,
    spool,
    status_of,
    wait,
)
from tests.support.rows import rejection


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
        with open_loop(place) as (connection, loop):
            wait(lambda: sum(loop.read_figures().values()) >= expected, MOST_SECONDS)
            with contextlib.suppress(Exception), loop.pause():  # a checkpoint, with segments to let go
                pass
            return status_of(place, connection, loop)

    def settle(self, place: Place) -> dict[str, Any]:
        """Start again without faults: append what is left, and end in order."""
        promised = self.promised(place)
        count = "SELECT (SELECT count(*) FROM notifications) + (SELECT count(*) FROM rejected)"

        def is_done():
            return connection.cursor().execute(count).fetchall()[0][0] >= promised

        with open_loop(place) as (connection, loop):
            wait(is_done, MOST_SECONDS_AFTERWARDS if promised else 0)
            return status_of(place, connection, loop)

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
        with open_loop(place) as (connection, loop):
            try:
                made = Backups(place.settings, loop).make(lambda _copied, _bytes: None).file.name
            except Exception as error:  # noqa: BLE001 - there is none, and it says so
                print(f"no backup: {error}", flush=True)
                made = None
            return {**status_of(place, connection, loop), "made": made}

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
        key = compute_fingerprint(load_public_key(place.settings.public_key))
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


class Verifying(Scenario):
    """`clc-receiver verify` of a store that has lost a row, which the spool still holds."""

    def make(self, place: Place) -> None:
        """Make a store, and delete a row of it."""
        spool(place, rows(0, 9))
        append_without_checkpoint(place)
        with duckdb.connect(str(place.settings.database)) as database:
            database.execute("DELETE FROM notifications WHERE seq = 4").fetchall()

    def run(self, place: Place) -> dict[str, Any]:
        """Verify."""
        return {"code": run_command("verify", "--data-dir", str(place.data))}

    def settle(self, place: Place) -> dict[str, Any]:
        """Verify again, without a fault."""
        return self.run(place)

    def check(self, place: Place, ran: dict[str, Any], settled: dict[str, Any]) -> list[str]:
        """A fault hides no loss."""
        del place
        return ["verify exits with 0 though a row is lost"] * (0 in (ran.get("code"), settled["code"]))


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
            append_without_checkpoint(place)
            wal = database.with_name(database.name + ".wal")
            wal.write_bytes(wal.read_bytes()[:-700])
        else:
            with database.open("r+b") as file:
                file.seek(4096)
                file.write(b"\x55" * 8192)


def append_without_checkpoint(place: Place) -> None:
    """Append what is in the spool, and leave the files as a kill would before the checkpoint."""
    expected = len(place.promises.read())
    pid = os.fork()
    if pid == 0:
        with open_loop(place):
            # It notes after the commit how far it is; without the note, a torn WAL would look like none.
            wait(lambda: read_appended(place.data).notifications >= expected, MOST_SECONDS_AFTERWARDS)
            os._exit(0)
    os.waitpid(pid, 0)


SCENARIOS: dict[str, Scenario] = {
    "append": Scenario(),
    "spool": Spooling(),
    "backup": BackingUp(),
    "restore": Restoring(),
    "verify": Verifying(),
    "recover from a torn WAL": Recovering("torn wal"),
    "recover from a missing database": Recovering("missing"),
    "recover from a damaged database": Recovering("damaged"),
}
