"""Incidents: what was damaged, where it was moved, and what is missing since; kept for the operator.

They lie in `CLC_DATA_DIR/recovery.json`, a list, oldest first. Nothing that is damaged is deleted: it is moved into a
directory `aside`. Commands change the file beside a running `serve`, so each lock the data directory for that.
"""

import contextlib
import fcntl
import json
import logging
import os
import re
from collections.abc import Collection, Iterable, Iterator
from datetime import UTC, datetime
from functools import reduce
from pathlib import Path
from typing import Any, NamedTuple

from receiver.files import copy_whole, make_directory, sync_directory, write_whole

_MOST = 1_000
_TRIES = 3
FILE = "recovery.json"
_ASIDE = "aside"

_COUNTED = re.compile(r"(\d[\d,]*) of its notifications, ")
"""The begin of what is missing since a restore: older programs wrote the number there alone."""

_log = logging.getLogger(__name__)


class Incident(NamedTuple):
    """One incident: its time (ISO, UTC), what happened, where the files were moved to, and what is missing.

    `left_out` is the number of notifications that are missing since a restore which could count them.
    """

    at: str
    what: str
    moved_to: str | None
    missing: str | None
    left_out: int | None = None

    def __str__(self) -> str:
        """Return it as one line."""
        moved = f" What was there is kept in {self.moved_to}." if self.moved_to else ""
        missing = f" MISSING: {self.missing}" if self.missing else ""
        return f"{self.what}{moved}{missing}"


def report(
    data_dir: Path, what: str, *, moved_to: Path | None = None, missing: str | None = None, about: str | None = None
) -> Incident:
    """Log an incident as an error and keep it, see `record`; on a full or failing disk it is only logged."""
    incident = make_incident(what, moved_to=moved_to, missing=missing)
    try:
        record(data_dir, incident, about)
    except OSError as error:
        _log.warning("%s can't keep this incident: %s", data_dir / FILE, error)
    return incident


def make_incident(
    what: str, *, moved_to: Path | None = None, missing: str | None = None, left_out: int | None = None
) -> Incident:
    """Make an incident that happens now."""
    return Incident(datetime.now(UTC).isoformat(), what, str(moved_to) if moved_to else None, missing, left_out)


def record(data_dir: Path, incident: Incident, about: str | None = None) -> None:
    """Log an incident as an error and add it to those kept, once.

    Args:
        data_dir: where incidents are kept.
        incident: the incident.
        about: the begin of its sentence, where one that begins so tells of the same; the two become one.

    Raises:
        OSError: it can't be kept; it is logged.
    """
    _log.error("%s", incident)
    with _locked(data_dir):
        kept = _read_or_replace(data_dir)
        earlier = [each for each in kept if about and each.what.startswith(about)]
        if earlier:
            whole = reduce(_merge, [*earlier, incident])
            _write(data_dir, [whole if each is earlier[0] else each for each in kept if each not in earlier[1:]])
        elif incident not in kept:
            _write(data_dir, [*kept, incident][-_MOST:])


def read_incidents(data_dir: Path) -> list[Incident]:
    """List the incidents, oldest first; an unreadable file of incidents is an incident itself."""
    try:
        return _read(data_dir)
    except (OSError, ValueError, TypeError) as error:
        return [_make_unreadable_incident(error, None)]


def read_or_replace_incidents(data_dir: Path) -> list[Incident]:
    """List the incidents, oldest first; an unreadable file of them is put aside, which is an incident.

    Raises:
        OSError: it can't be put aside.
    """
    with _locked(data_dir):
        return _read_or_replace(data_dir)


def settle_missing(data_dir: Path, incidents: Collection[Incident], how: str) -> list[Incident]:
    """Note that what some incidents name as missing no longer counts, and return those that named something.

    Args:
        data_dir: where incidents are kept.
        incidents: as they were read; if one has changed since, it stays as it is.
        how: the sentence that follows what was missing.

    Raises:
        OSError: it can't be noted.
    """
    with _locked(data_dir):
        kept = _read_or_replace(data_dir)
        settled = [each for each in kept if each.missing and each in incidents]
        if settled:
            _write(data_dir, [_settle(each, how) if each in settled else each for each in kept])
    return settled


def was_recovered(data_dir: Path) -> bool:
    """Tell whether a recovery or a restore left a trace here: after one, numbers of notifications may stay unused."""
    return bool(read_incidents(data_dir)) or aside_in(data_dir).exists()


def put_aside(data_dir: Path, files: list[Path], why: str, missing: str | None = None) -> None:
    """Move a damaged file aside, so that it can be made anew, and report it.

    Args:
        data_dir: where the incident and the file go.
        files: the file, and its companions, which may be missing.
        why: completes the sentence "FILE …".
        missing: what is lost since.

    Raises:
        OSError: it can't be moved.
    """
    moved_to = set_aside(files, data_dir)
    report(data_dir, f"{files[0].name} {why}", moved_to=moved_to, missing=missing)


def set_aside(files: Iterable[Path], parent: Path) -> Path | None:
    """Move files into a new directory `aside/<time>` in `parent`, and return it, synced; None if none of them is there.

    Raises:
        OSError: one can't be moved.
    """
    files = list(filter(os.path.lexists, files))
    if not files:
        return None
    directory = make_aside(parent)
    moved_from = {directory}
    for file in files:
        with contextlib.suppress(FileNotFoundError):
            file.rename(directory / file.name)
            moved_from.add(file.parent)
    for changed in moved_from:
        sync_directory(changed)
    return directory


def copy_aside(files: Iterable[Path], parent: Path) -> Path:
    """Copy files that exist as `set_aside` moves them.

    Raises:
        OSError: one can't be copied.
    """
    directory = make_aside(parent)
    for file in files:
        with contextlib.suppress(FileNotFoundError):
            copy_whole(file, directory / file.name)
    return directory


def make_aside(parent: Path) -> Path:
    """Make a new directory `aside/<time>`.

    Raises:
        OSError: it can't be made.
    """
    directory = aside_in(parent) / f"{datetime.now(UTC):%Y%m%dT%H%M%S%fZ}"
    make_directory(directory)
    return directory


def aside_in(parent: Path) -> Path:
    """Name the directory that holds what was moved aside."""
    return parent / _ASIDE


@contextlib.contextmanager
def _locked(data_dir: Path) -> Iterator[None]:
    """Keep others from changing the file for a block; where the file system has no locks, nothing does."""
    with contextlib.ExitStack() as held:
        with contextlib.suppress(OSError):
            directory = os.open(data_dir, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            held.callback(os.close, directory)
            fcntl.flock(directory, fcntl.LOCK_EX)
        yield


def _read_or_replace(data_dir: Path) -> list[Incident]:
    """Read the file; if that is impossible, put it aside, which is an incident."""
    try:
        return _read_patiently(data_dir)
    except (OSError, ValueError, TypeError) as error:
        kept = [_make_unreadable_incident(error, set_aside([data_dir / FILE], data_dir))]
    _write(data_dir, kept)
    return kept


def _merge(earlier: Incident, later: Incident) -> Incident:
    """Make one incident of two about the same: as it is known now, at the time when it was noticed."""
    if later.missing and _tell_left_out(later.missing) in earlier.what:  # somebody has accepted this loss
        later = later._replace(what=earlier.what, missing=None)
    missing = "; ".join(dict.fromkeys(each for each in (earlier.missing, later.missing) if each)) or None
    if earlier.moved_to and later.moved_to and earlier.moved_to != later.moved_to:
        kept = f" The rest of it is kept in {later.moved_to}."
        return earlier._replace(what=f"{later.what}{kept}", missing=missing)
    return earlier._replace(what=later.what, moved_to=later.moved_to or earlier.moved_to, missing=missing)


def _tell_left_out(missing: str) -> str:
    return f" It left out: {missing} "


def _settle(incident: Incident, how: str) -> Incident:
    what = f"{incident.what}{_tell_left_out(incident.missing or '')}{how}"
    return incident._replace(what=what, missing=None, left_out=None)


def _write(data_dir: Path, incidents: list[Incident]) -> None:
    write_whole(data_dir / FILE, json.dumps(list(map(_as_fields, incidents)), indent=1))


def _read_patiently(data_dir: Path) -> list[Incident]:
    """Read the file again where it could not be read: that may be over in a moment, and the file whole."""
    for _ in range(_TRIES - 1):
        with contextlib.suppress(OSError):
            return _read(data_dir)
    return _read(data_dir)


def _read(data_dir: Path) -> list[Incident]:
    try:
        content = (data_dir / FILE).read_text("utf-8")
    except FileNotFoundError:
        return []
    kept = [_from_fields(each) for each in json.loads(content)]
    if any(datetime.fromisoformat(each.at).tzinfo is None for each in kept):
        raise ValueError(FILE)
    return kept


def _as_fields(incident: Incident) -> dict[str, Any]:
    fields = incident._asdict()
    if incident.left_out is None:  # so an older program, which does not know it, reads all incidents but those with it
        del fields["left_out"]
    return fields


def _from_fields(fields: dict[str, Any]) -> Incident:
    incident = Incident(**fields)
    if incident.left_out is None and (counted := _COUNTED.match(incident.missing or "")):
        incident = incident._replace(left_out=int(counted[1].replace(",", "")))
    return incident


def _make_unreadable_incident(error: Exception, moved_to: Path | None) -> Incident:
    why = error.strerror if isinstance(error, OSError) else "it is damaged"
    what = f"{FILE} can't be read ({why})."
    return make_incident(what, moved_to=moved_to, missing="What it said of earlier incidents, and of what is missing.")
