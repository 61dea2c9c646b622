"""Makes backups of a running store, on request and by schedule: appending pauses for the copy, accepting doesn't."""

import asyncio
import contextlib
import json
import logging
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import duckdb

from receiver.errors import StoreError, UndecidedError
from receiver.files import find_lack_of_room, make_directory, sync_directory, sync_file
from receiver.keeping.backup_file import read_backup_watermarks
from receiver.keeping.backups import (
    backups_in,
    is_clock_set,
    list_own_backups,
    name_backup,
    read_made_at,
)
from receiver.keeping.notes import STOPPED, read_backup_note, write_backup_note
from receiver.logs import describe
from receiver.senders import CENTURYLINK
from receiver.senders.keys import compute_fingerprint
from receiver.settings import Settings
from receiver.store.loop import AppendLoop
from receiver.store.uploads import Uploads

if TYPE_CHECKING:
    from receiver.shared_spool import SharedSpoolReader

_POLL_SECONDS = 0.1
_SOONEST_RETRY_SECONDS = 300.0
_CLOCK_POLL_SECONDS = 10.0
_LOOK_SECONDS = 60.0
"""A backup is due earlier than was counted if the clock is set forward, or the machine slept."""
_FORESEEN = (duckdb.Error, OSError, subprocess.SubprocessError, ValueError, StoreError)

ReportCopied = Callable[[int, int], None]

_log = logging.getLogger(__name__)


class Backup(NamedTuple):
    """A backup that was made and checked."""

    file: Path
    bytes: int
    notifications: int
    last_seq: int


class Backups:
    """Makes backups in the directory `CLC_DATA_DIR/backups`, one at a time.

    Args:
        settings: where things lie, and the schedule.
        loop: appends to the database.
        shared: is told what each backup holds when it is checked, and uploaded if it is to be.
    """

    def __init__(
        self,
        settings: Settings,
        loop: AppendLoop,
        shared: "SharedSpoolReader | None" = None,
    ) -> None:
        self._settings = settings
        self._loop = loop
        self._shared = shared
        self.uploads = Uploads(settings) if settings.objects else None
        self._directory = backups_in(settings.data_dir)
        self._fingerprint = compute_fingerprint(CENTURYLINK.verification.load_key(settings.public_key))
        self._lock = threading.Lock()
        self._stopping = threading.Event()

    def make(self, copied: ReportCopied) -> Backup:
        """Make a backup, and check it by opening the copy.

        Args:
            copied: called from time to time with the bytes copied, and those of the whole.

        Raises:
            StoreError: it failed.
        """
        file = self._directory / name_backup(datetime.now(UTC))
        with self._lock:
            try:
                backup = self._make(file, copied)
            except Exception as error:  # noqa: BLE001 - the note and the caller must hear of it, whatever it is
                if not isinstance(error, _FORESEEN):
                    _log.exception("a backup failed by an error in this program")
                self._remove_unfinished()
                self._note(error=_describe_reason(error))
                raise StoreError(f"There is no backup: {_describe_reason(error)}") from None
        self._note(backup)
        return backup

    async def keep_to_schedule(self) -> None:
        """Make a backup every CLC_BACKUP_EVERY, and delete those beyond CLC_BACKUP_KEEP, until cancelled."""
        every = self._settings.backup_every
        if every is None:
            return
        while True:
            try:
                await _wait_for_clock()
                if seconds := self._count_seconds_until_due(every):
                    await asyncio.sleep(min(seconds, _LOOK_SECONDS))
                else:
                    await asyncio.to_thread(self._make_by_schedule)
            except Exception as error:  # noqa: BLE001 - without this task no backup would be made any more
                if isinstance(error, StoreError):
                    _log.error("the scheduled backup failed: %s", error)
                else:
                    _log.exception("the scheduled backup failed by an error in this program")
                await asyncio.sleep(min(every, _SOONEST_RETRY_SECONDS))

    def _make_by_schedule(self) -> None:
        backup = self.make(lambda _copied, _bytes: None)
        _log.info("backup %s holds %d notifications", backup.file, backup.notifications)
        self._prune(backup.file)

    def start(self) -> None:
        """Go on with an upload that was not done when the last process ended."""
        if self.uploads:
            self.uploads.start(self._note_left_backup)

    def stop(self) -> None:
        """Abort a running copy and a running upload, and begin no other."""
        self._stopping.set()
        if self.uploads:
            self.uploads.stop()

    def _make(self, file: Path, copied: ReportCopied) -> Backup:
        make_directory(self._directory)
        self._remove_unfinished()
        unfinished = file.with_suffix(".unfinished")
        with self._loop.pause() as (notifications, last_seq):
            note_backup = self._shared.note_copy() if self._shared else lambda: None
            self._copy(unfinished, copied)
        info = self._seal(unfinished)
        if (info["notifications"], info["last_seq"]) != (notifications, last_seq):
            raise StoreError(
                f"the copy has {info['notifications']} notifications up to seq {info['last_seq']}, "
                f"but the store had {notifications} up to {last_seq}."
            )
        sync_file(unfinished)
        unfinished.rename(file)
        sync_directory(self._directory)
        if self.uploads:
            self.uploads.offer(file, note_backup)
        else:
            note_backup()
        return Backup(file, file.stat().st_size, notifications, last_seq)

    def _note_left_backup(self, file: Path) -> None:
        if self._shared is None:
            return
        try:
            self._shared.note_backup(read_backup_watermarks(file))
        except StoreError as error:
            _log.warning("what the backup %s holds can't be read: %s", file, _describe_reason(error))

    def _copy(self, copy: Path, copied: ReportCopied) -> None:
        database = self._settings.database
        size, done = database.stat().st_size, 0
        if lack := find_lack_of_room(copy.parent, size):
            raise StoreError(f"{lack}.")

        def tell() -> None:
            nonlocal done
            with contextlib.suppress(FileNotFoundError):
                before, done = done, copy.stat().st_size
                copied(done, size)
                if done > before:  # the appender waits for this copy; while it grows, that is no hang
                    self._loop.pulse.beat()

        # By another process: closing the file in this one would release DuckDB's lock on it.
        self._run(["cp", str(database), str(copy)], tell)
        if copy.stat().st_size != size:
            raise StoreError(f"the copy has {copy.stat().st_size} of the database's {size} bytes.")
        copied(size, size)

    def _seal(self, copy: Path) -> dict[str, Any]:
        arguments = [str(copy), self._fingerprint, str(self._settings.learned_accounts)]
        command = [sys.executable, "-m", "receiver.keeping.backup_file", *arguments]
        info: dict[str, Any] = json.loads(self._run(command, lambda: None))
        return info

    def _run(self, command: list[str], meanwhile: Callable[[], None]) -> str:
        """Run a command to its end, unless the store stops, and return its output."""
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:  # noqa: S603
            while process.poll() is None:
                if self._stopping.wait(_POLL_SECONDS):
                    process.kill()
                meanwhile()
            written, errors = process.communicate()
        if self._stopping.is_set():
            raise StoreError(STOPPED)
        if process.returncode:
            why = errors.strip().splitlines() or [f"it ended with {process.returncode}"]
            raise StoreError(f"the copy can't be made or does not check out: {why[-1]}")
        return written

    def _remove_unfinished(self) -> None:
        with contextlib.suppress(OSError):
            for file in self._directory.glob("clc-*.unfinished*"):
                file.unlink()

    def _note(self, backup: Backup | None = None, *, error: str | None = None) -> None:
        note = read_backup_note(self._settings.data_dir)
        now = datetime.now(UTC).isoformat()
        if backup:
            note = {"made_at": now, **backup._asdict(), "file": backup.file.name}
        elif error != STOPPED or note.get("error") in {None, STOPPED}:  # a failure stays told until there is a backup
            note = {**note, "failed_at": now, "error": error}
        write_backup_note(self._settings.data_dir, note)

    def _list_own(self) -> list[Path]:
        try:
            return list_own_backups(self._settings.data_dir)
        except UndecidedError as error:
            self._note(error=str(error))
            raise

    def _count_seconds_until_due(self, every: float) -> float:
        now = datetime.now(UTC)
        made = [at for file in self._list_own() if (at := read_made_at(file))]
        ages = [now - at for at in made if at <= now]  # a time in the future, which a wrong clock gave, holds up none
        return max((timedelta(seconds=every) - min(ages)).total_seconds(), 0) if ages else 0

    def _prune(self, made: Path) -> None:
        others = [file for file in self._list_own() if file != made]
        for old in others[self._settings.backup_keep - 1 :]:
            _log.info("backup %s goes, %d newer ones are kept", old, self._settings.backup_keep)
            with contextlib.suppress(OSError):
                old.unlink()


async def _wait_for_clock() -> None:
    """Wait until the clock is set: before, it tells the age of no backup, and a new one would seem the oldest."""
    if not is_clock_set():
        _log.warning("the clock of this machine is not set: no backup is made by schedule until it is")
    while not is_clock_set():  # noqa: ASYNC110 - nothing tells that it was set
        await asyncio.sleep(_CLOCK_POLL_SECONDS)


def _describe_reason(error: Exception) -> str:
    if not isinstance(error, _FORESEEN):
        return f"an error in this program ({describe(error)})."
    if isinstance(error, OSError) and error.strerror:
        return ": ".join([*([str(error.filename)] if error.filename else []), error.strerror])
    return (str(error).splitlines() or [type(error).__name__])[0]
