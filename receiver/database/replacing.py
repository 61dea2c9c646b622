"""Replaces the database by another, in steps that can be finished after a kill at any moment.

First the new files lie beside the old ones, synced, under names that nothing opens. Then `replacing.json` is written:
from then on the replacement counts, and every start finishes it. The old files go `aside`, the new ones take their
place, the note of how far the store came is replaced, the note of rows that perhaps ended it is deleted, the incident
is recorded, and `replacing.json` goes. Each step can be repeated.
"""

import contextlib
import json
import logging
from pathlib import Path
from typing import NamedTuple

from receiver.data_directory import access as data_directory
from receiver.data_directory.incidents import Incident, aside_in, make_aside, put_aside, record, report
from receiver.database.appended import Appended, write_appended
from receiver.database.checkpoints import name_copy, undo_interrupted
from receiver.database.stumble import forget_stumble
from receiver.errors import DataDirectoryError, StoreError
from receiver.files import make_directory, sync_directory, write_whole
from receiver.settings import Settings

FILE = "replacing.json"
STAGED = "restoring.duckdb"
STAGED_ACCOUNTS = "restoring.sqlite"

_FORMAT = 1
_UNKNOWN = (
    "Perhaps notifications: the database was being replaced, and how far that had come is not known. "
    "Look at what lies in `aside`, and restore a backup again."
)

_log = logging.getLogger(__name__)


class Replacement(NamedTuple):
    """The steps of a replacement; names are of files in the data directory.

    `aside` is a directory in `aside/`, `moves` are the files that go there, `puts` the staged files with the names that
    they get, `seq` is the highest number ever given to a notification, or None where the note of it stays.
    """

    aside: str
    moves: list[str]
    puts: dict[str, str]
    seq: int | None
    incident: Incident | None


def replace(
    data_dir: Path, files: list[Path], puts: dict[str, str], seq: int | None, incident: Incident | None
) -> Path:
    """Replace the database, and return the directory that holds the old files.

    Args:
        data_dir: the data directory; no other process uses it.
        files: those that go aside.
        puts: staged files, synced, with the names that they get.
        seq: the highest number ever given to a notification, for the new note of how far the store came; None leaves
            the note as it is.
        incident: recorded as a part of it; `moved_to` is filled in if there are old files.

    Raises:
        OSError: nothing was changed, or `finish` finishes it another time.
    """
    aside = make_aside(data_dir)
    moves = [file.name for file in files if file.exists()]
    moved = incident._replace(moved_to=str(aside) if moves else None) if incident else None
    replacement = Replacement(aside.name, moves, puts, seq, moved)
    write_whole(data_dir / FILE, json.dumps({"format": _FORMAT, **replacement._asdict()}, indent=1))
    _carry_out(data_dir, replacement)
    return aside


def finish(data_dir: Path) -> None:
    """Finish an interrupted replacement, or undo it if its files are gone; the caller has the lock.

    Raises:
        OSError: it can't be finished at the moment.
    """
    try:
        replacement = _parse((data_dir / FILE).read_bytes())
    except FileNotFoundError:
        return
    except ValueError:
        put_aside(data_dir, [data_dir / FILE], "is damaged.", _UNKNOWN)
        return
    _log.warning("a replacement of the database that was interrupted is finished")
    if any(not (data_dir / name).exists() for name in _list_unplaced(data_dir, replacement)):
        _undo(data_dir, replacement)
    else:
        _carry_out(data_dir, replacement)


def finish_offline(settings: Settings) -> None:
    """Finish an interrupted replacement, and undo an interrupted checkpoint; a `serve` that is running does so itself.

    Raises:
        StoreError: it can't be finished, or another process is finishing it.
    """
    data_dir = settings.data_dir
    if not ((data_dir / FILE).exists() or name_copy(settings.database).exists()):
        return
    try:
        data_directory.check_user(data_dir)
        if data_directory.find_running_serve(data_dir):
            return
    except DataDirectoryError as error:
        raise StoreError(f"A restore or a checkpoint in {data_dir} was interrupted. {error}") from None
    try:
        with data_directory.take_offline(data_dir):
            finish(data_dir)
            undo_interrupted(settings.database)
    except DataDirectoryError:
        raise StoreError(f"The database in {data_dir} is being replaced: wait until `restore` has ended.") from None
    except OSError as error:
        raise StoreError(
            f"A restore or a checkpoint in {data_dir} was interrupted, and what it left can't be settled "
            f"({error.strerror}): run this as the user who runs `serve`, and make room."
        ) from None


def clear_staged(data_dir: Path) -> None:
    """Delete the files of a replacement that never began.

    Raises:
        OSError: it can't be deleted.
    """
    for name in (STAGED, STAGED_ACCOUNTS):
        for file in (*data_dir.glob(f"{name}*"), *data_dir.glob(f".{name}.*")):
            file.unlink()


def _list_unplaced(data_dir: Path, replacement: Replacement) -> list[str]:
    """List the staged files that have not taken their place: there the old file still lies, or none does."""
    aside = aside_in(data_dir) / replacement.aside
    return [
        staged
        for staged, name in replacement.puts.items()
        if not (data_dir / name).exists() or (name in replacement.moves and not (aside / name).exists())
    ]


def _carry_out(data_dir: Path, replacement: Replacement) -> None:
    aside = aside_in(data_dir) / replacement.aside
    make_directory(aside)
    for name in replacement.moves:
        # When this is repeated, the file of this name may be the new one.
        if not (aside / name).exists():
            with contextlib.suppress(FileNotFoundError):
                (data_dir / name).rename(aside / name)
    sync_directory(aside)
    sync_directory(data_dir)
    for staged, name in replacement.puts.items():
        with contextlib.suppress(FileNotFoundError):
            (data_dir / staged).replace(data_dir / name)
    sync_directory(data_dir)
    if replacement.seq is not None:
        # No number is given twice; but the new database knows how far the spool was appended.
        write_appended(data_dir, Appended(replacement.seq, 0, {}), synced=True)
    forget_stumble(data_dir)  # perhaps the old database ended the process, and no row
    if replacement.incident:
        record(data_dir, replacement.incident)
    _end(data_dir)


def _undo(data_dir: Path, replacement: Replacement) -> None:
    aside = aside_in(data_dir) / replacement.aside
    for name in replacement.moves:
        if (aside / name).exists() and not (data_dir / name).exists():
            (aside / name).rename(data_dir / name)
    sync_directory(data_dir)
    report(data_dir, "The database was to be replaced, but the new one is gone: all is as it was before.")
    _end(data_dir)


def _end(data_dir: Path) -> None:
    (data_dir / FILE).unlink(missing_ok=True)
    sync_directory(data_dir)


def _parse(content: bytes) -> Replacement:
    """Read what `replace` wrote.

    Raises:
        ValueError: it is damaged, or of a newer program.
    """
    try:
        fields = json.loads(content)
        if fields.pop("format") != _FORMAT:
            raise ValueError(FILE)
        replacement = Replacement(**fields)
        names = [replacement.aside, *replacement.moves, *replacement.puts, *replacement.puts.values()]
        if any(not isinstance(name, str) or Path(name).name != name for name in names):
            raise ValueError(FILE)
        incident = None if replacement.incident is None else Incident(*replacement.incident)
        return replacement._replace(incident=incident, seq=None if replacement.seq is None else int(replacement.seq))
    except (TypeError, KeyError, AttributeError) as error:
        raise ValueError(FILE) from error
