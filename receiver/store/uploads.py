"""Uploads each backup to object storage, in a thread and a process of its own: nothing else of the store waits for it.

A backup that is to be uploaded is linked into `backups/uploading`, where it stays until it is there: also when the file
itself is moved or deleted, and over restarts. Only the newest waits; it holds all that those before it do.
"""

import errno
import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from receiver.files import copy_whole, find_lack_of_room, list_files, make_directory, sync_directory
from receiver.keeping.backups import backups_in, order_backups
from receiver.keeping.notes import UPLOAD_NOTE, note_done, note_failure
from receiver.processes.helper import Helper, explain
from receiver.settings import Settings

_FIRST_SECONDS, _LONGEST_SECONDS = 5.0, 300.0
_LAST_SECONDS = 1.0
_PATTERN = "clc-*.duckdb"
_MOST_KNOWN = 100

_log = logging.getLogger(__name__)


class Upload(NamedTuple):
    """The upload of a backup: bytes moved and to move (sent, then read back), and how it ended, if it did."""

    file: str
    moved: int = 0
    size: int = 0
    has_ended: bool = False
    failure: str | None = None


class Uploads:
    """Uploads backups one at a time, and tries again what failed.

    Args:
        settings: where the data directory and the object storage are.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._directory = backups_in(settings.data_dir) / "uploading"
        self.latest: Upload | None = None
        """The upload that runs or ran last."""
        self._known: dict[str, Upload] = {}
        self._on_uploaded: dict[str, Callable[[], None]] = {}
        self._on_left_uploaded: Callable[[Path], None] = lambda _file: None
        self._helper = Helper(settings, "receiver.keeping.objects.uploading")
        self._wake = threading.Event()
        self._thread = threading.Thread(target=self._run, name="uploads", daemon=True)

    def start(self, on_left_uploaded: Callable[[Path], None] = lambda _file: None) -> None:
        """Begin with what the last process left; `on_left_uploaded` is called when object storage holds that."""
        self._on_left_uploaded = on_left_uploaded
        self._remove_unfinished()
        self._thread.start()

    def stop(self) -> None:
        """Kill a running upload and end; the next process begins it again.

        An upload that can't be killed, because its disk does not answer, is left behind.
        """
        self._helper.stop()
        self._wake.set()
        self._thread.join(_LAST_SECONDS)

    def offer(self, file: Path, on_uploaded: Callable[[], None]) -> None:
        """Upload a new backup, and no older one but the one that is on its way.

        Args:
            file: the backup.
            on_uploaded: called when object storage holds it, unless a newer one is offered before its upload begins.
        """
        self._note(Upload(file.name))
        self._on_uploaded[file.name] = on_uploaded
        try:
            make_directory(self._directory)
            _link(file, self._directory / file.name)
        except OSError as error:
            self._on_uploaded.pop(file.name)
            self._fail(file.name, f"{file.name} can't be kept for the upload: {error.strerror}")
            return
        self._wake.set()

    def find(self, name: str) -> Upload | None:
        """Find the upload of one of the last backups that were offered; another may still be on its way before it."""
        return self._known.get(name)

    def _remove_unfinished(self) -> None:
        """Delete the copies that a killed process, of this version or an earlier one, did not finish."""
        for pattern in (f".{_PATTERN}.*", "clc-*.unfinished"):
            with suppress(OSError):
                for file in self._directory.glob(pattern):
                    file.unlink()

    def _run(self) -> None:
        seconds = _FIRST_SECONDS
        while not self._helper.is_stopping:
            self._wake.clear()
            has_worked = self._turn()
            if has_worked is None:
                self._wake.wait()
            elif has_worked:
                seconds = _FIRST_SECONDS
            else:
                self._wake.wait(seconds)
                seconds = min(2 * seconds, _LONGEST_SECONDS)

    def _take_newest(self) -> Path | None:
        files = order_backups(file for file in list_files(self._directory) if file.match(_PATTERN))
        for older in files[1:]:
            self._on_uploaded.pop(older.name, None)
            self._known[older.name] = Upload(older.name, has_ended=True, failure="a newer backup takes its place")
            with suppress(OSError):
                older.unlink()
        return files[0] if files else None

    def _turn(self) -> bool | None:
        """Upload the newest backup that waits, and tell whether that worked; None if none waits."""
        file = None
        try:
            file = self._take_newest()
            if file is None:
                return None
            self._upload(file)
        except Exception as error:  # noqa: BLE001 - without the thread no backup would be uploaded any more
            if not self._helper.is_stopping:
                self._fail(file.name if file else self._directory.name, explain(error))
            return False
        return True

    def _upload(self, file: Path) -> None:
        done = self._run_upload(file)
        self._succeed(file, done["manifest"])
        if done["not_removed"]:
            _log.warning("old backups stay in object storage: %s", done["not_removed"])
        for name in done["removed"]:
            _log.info("the backup %s goes from object storage, %d whole ones stay", name, done["staying"])

    def _run_upload(self, file: Path) -> dict[str, Any]:
        """Run an upload to its end, and return its last line; see `Helper.run`."""

        def note_progress(line: dict[str, Any]) -> None:
            if "moved" in line:
                self._note(Upload(file.name, line["moved"], line["of"]))

        return self._helper.run(str(file.absolute()), on_line=note_progress)

    def _succeed(self, file: Path, manifest: dict[str, Any]) -> None:
        self._on_uploaded.get(file.name, partial(self._on_left_uploaded, file))()
        self._on_uploaded.pop(file.name, None)
        done = {"name": manifest["name"], "notifications": manifest["notifications"]}
        note_done(self._settings, UPLOAD_NOTE, {"uploaded_at": datetime.now(UTC).isoformat(), **done})
        with suppress(OSError):
            file.unlink(missing_ok=True)
            sync_directory(self._directory)
        _log.info("the backup %s is in object storage", manifest["name"])
        self._note(Upload(file.name, has_ended=True))

    def _fail(self, name: str, failure: str) -> None:
        if note_failure(self._settings, UPLOAD_NOTE, failure):
            _log.error("the backup %s can't be uploaded, which is tried again: %s", name, failure)
        self._note(Upload(name, has_ended=True, failure=failure))

    def _note(self, upload: Upload) -> None:
        self.latest = self._known[upload.file] = upload
        if len(self._known) > _MOST_KNOWN:
            self._known.pop(next(iter(self._known)), None)


def _link(file: Path, link: Path) -> None:
    """Link a file, or copy it on a file system without links."""
    try:
        link.hardlink_to(file)
    except FileExistsError:
        return
    except OSError:
        if lack := find_lack_of_room(link.parent, file.stat().st_size):
            raise OSError(errno.ENOSPC, lack) from None
        copy_whole(file, link)
    else:
        sync_directory(link.parent)
