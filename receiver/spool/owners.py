"""Ties spools to their data directory.

A spool has a mark, `owner`: its own random id, and the id of its data directory. The data directory notes in
`spools.json` its own id, and the paths of all spools used with it, by id. So two data directories can't take rows from
one spool, both may be moved or copied together, and rows are taken from a spool that `CLC_SPOOL_DIR` named before.
"""

import contextlib
import fcntl
import logging
import re
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, TypeVar

from pydantic import BaseModel, ValidationError

from receiver.data_directory.incidents import aside_in, put_aside, report, set_aside
from receiver.errors import DataDirectoryError
from receiver.files import list_files, write_new, write_whole
from receiver.settings import Settings
from receiver.spool.layout import Watermarks, find_segment, is_segment
from receiver.spool.looking import Backlog, count_backlog
from receiver.spool.reader import SpoolReader

OWNER = "owner"
KNOWN = "spools.json"
_FORMAT = 1
_LAST_COMMA = re.compile(rb",(?=\s*})")
"""Stays in the note where an operator has deleted the last line of its spools."""

_log = logging.getLogger(__name__)

Model = TypeVar("Model", bound=BaseModel)


class Owner(BaseModel):
    """The mark in a spool; `data_dir` is the path of its data directory when the mark was made."""

    spool: str
    owner: str
    data_dir: str


class SpoolNote(BaseModel):
    """The note in a data directory: its id, and the paths of its spools by id, relative for those inside it.

    Of format 0 it may have several ids of one spool, whose mark was lost.
    """

    id: str
    spools: dict[str, str] = {}
    format: int = 0


class Former(NamedTuple):
    """A spool that is no longer in use; `trouble` says why rows can't be taken from it, None if they can."""

    directory: Path
    trouble: str | None


def claim(settings: Settings) -> None:
    """Mark the spool in use as one of this data directory, and note that.

    Raises:
        DataDirectoryError: it belongs to another data directory, or can't be marked.
    """
    spool = settings.spool_directory
    try:
        owner = _read_mark(settings)
        known = _read_note(settings, owner)
        if owner is None:
            name = _find_lost_name(settings, known) or secrets.token_hex(16)
            owner = Owner(spool=name, owner=known.id, data_dir=str(settings.data_dir.resolve()))
            with contextlib.suppress(FileExistsError):  # another process was first; then its mark counts
                write_new(spool / OWNER, owner.model_dump_json(indent=1))
            owner = _read_mark(settings) or owner
        if owner.owner == known.id:
            _remember(settings, known, owner.spool)
    except OSError as error:
        raise DataDirectoryError(
            f"{error.filename or spool} can't be read or written ({error.strerror}), so the spool can't be marked as "
            f"one of {settings.data_dir}: make room, or let the user who runs `serve` use it."
        ) from None
    if owner.owner != known.id:
        raise DataDirectoryError(
            f"The spool {spool} belongs to the data directory {owner.data_dir}: set CLC_SPOOL_DIR to another "
            f"directory, or delete {spool / OWNER} if that data directory is gone for good."
        )


def claim_if_possible(settings: Settings, told: set[str]) -> None:
    """Claim the spool, or log why not, unless that was told: a listener goes on, because the sender tries once."""
    try:
        claim(settings)
        told.clear()
    except DataDirectoryError as error:
        if str(error) not in told:
            _log.error("%s", error)
        told.add(str(error))


@contextlib.contextmanager
def hold(settings: Settings, *, insist: bool = True) -> Iterator[None]:
    """Lock every other `serve` out of the spool for a block, because a copy of a data directory has the same id.

    Args:
        settings: where the spool lies.
        insist: raise an error if that is impossible; otherwise log it.

    Raises:
        DataDirectoryError: another `serve` has it.
    """
    with contextlib.ExitStack() as held:
        try:
            file = held.enter_context((settings.spool_directory / OWNER).open("rb"))
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            message = (
                f"Another `clc-receiver serve` is using the spool {settings.spool_directory}: stop it, or set "
                "CLC_SPOOL_DIR to another directory."
                if isinstance(error, BlockingIOError)
                else f"The spool {settings.spool_directory} can't be kept from another `serve` ({error.strerror})."
            )
            if insist:
                raise DataDirectoryError(message) from None
            _log.error("%s", message)
        yield


def list_former_spools(settings: Settings) -> list[Former]:
    """List a data directory's former spools that are not known to be empty.

    One of them may have lain where the spool in use lies: the directory is empty while its disk is not mounted.
    """
    note = settings.data_dir / KNOWN
    try:
        known = _read(SpoolNote, note)
    except OSError as error:
        return [Former(note, f"can't be read ({error.strerror}), which lists the spools of before")]
    if known is None and note.exists():
        return [Former(note, "is damaged, which lists the spools of before: mend it, or stop `serve` and start it")]
    noted = _list_noted(settings, known)
    in_use = settings.spool_directory.resolve()
    # Before there was a note the spool lay in `spool` by default.
    directories = sorted({*noted, in_use, (settings.data_dir / "spool").resolve()})
    former = []
    for directory in directories:
        try:
            trouble = _find_trouble(directory, known, noted.get(directory, []), note)
            if trouble or (directory != in_use and _has_segments(directory)):
                former.append(Former(directory, trouble))
        except OSError as error:
            former.append(Former(Path(error.filename or directory), f"can't be read ({error.strerror})"))
    return former


def list_readable(settings: Settings, former: list[Former]) -> list[Path]:
    """List the spool in use, and those of the former ones that rows can be taken from."""
    return [settings.spool_directory, *(each.directory for each in former if each.trouble is None)]


def describe_doubt(former: list[Former]) -> str | None:
    """Say, as a part of a sentence, that former spools may hold certain rows; None if rows can be taken from all."""
    troubles = "; ".join(f"{each.directory} {each.trouble}" for each in former if each.trouble)
    return f"whether a former spool holds them is not known ({troubles})" if troubles else None


def count_whole_backlog(
    settings: Settings, former: list[Former], watermarks: Watermarks, *, in_store: bool = False
) -> Backlog:
    """Add up the backlogs of the spool in use and the former ones, see `count_backlog`."""
    backlogs = [count_backlog(each, watermarks, in_store=in_store) for each in list_readable(settings, former)]
    return Backlog(
        rows=sum(each.rows for each in backlogs),
        since=min((each.since for each in backlogs if each.since), default=None),
        bytes=sum(each.bytes for each in backlogs),
        segments=sum(each.segments for each in backlogs),
        unreadable=tuple(name for each in backlogs for name in each.unreadable),
    )


def take_former(settings: Settings) -> list[Path]:
    """List the former spools that rows can be taken from, and forget those that are empty.

    Raises:
        OSError: the note of them can't be read or written.
    """
    former = list_former_spools(settings)
    known = _read(SpoolNote, settings.data_dir / KNOWN)
    if known:
        left = {settings.spool_directory.resolve(), *(each.directory for each in former)}
        spools = {name: path for name, path in known.spools.items() if (settings.data_dir / path).resolve() in left}
        if spools != known.spools:
            _write_note(settings, known.model_copy(update={"spools": spools}))
    return [each.directory for each in former if each.trouble is None]


def open_spool(settings: Settings) -> SpoolReader:
    """Open the spool in use, and the former ones with it; what is damaged or foreign there becomes an incident."""
    return SpoolReader(
        settings.spool_directory,
        report=lambda what, moved_to, missing, about: report(
            settings.data_dir, what, moved_to=moved_to, missing=missing, about=about
        ),
        former=lambda: take_former(settings),
    )


def _read_mark(settings: Settings) -> Owner | None:
    path = settings.spool_directory / OWNER
    owner = _read(Owner, path)
    if owner is None and path.exists():
        what = f"{path} does not say whose the spool is (is it damaged?): it is made anew."
        report(settings.data_dir, what, moved_to=set_aside([path], path.parent))
    return owner


def _read_note(settings: Settings, owner: Owner | None) -> SpoolNote:
    """Read the note, or make it: with the id in the spool's mark, if the mark shows that the spool is ours."""
    path = settings.data_dir / KNOWN
    known = _read(SpoolNote, path)
    if known is None:
        if path.exists():
            lost = "which spools were used before, if there are any"
            put_aside(settings.data_dir, [path], "can't be understood: it is made anew.", missing=lost)
        own = settings.data_dir.resolve()
        is_ours = owner and (Path(owner.data_dir) == own or settings.spool_directory.resolve().is_relative_to(own))
        known = SpoolNote(id=owner.owner if owner and is_ours else secrets.token_hex(16), format=_FORMAT)
        with contextlib.suppress(FileExistsError):
            write_new(path, known.model_dump_json(indent=1))
        known = _read(SpoolNote, path) or known
    if known.format < _FORMAT:
        latest = {directory: name for name, directory in known.spools.items()}
        known = SpoolNote(id=known.id, spools={name: path for path, name in latest.items()}, format=_FORMAT)
        _write_note(settings, known)
    return known


def _remember(settings: Settings, known: SpoolNote, spool: str) -> None:
    own, directory = settings.data_dir.resolve(), settings.spool_directory.resolve()
    path = str(directory.relative_to(own) if directory.is_relative_to(own) else directory)
    if known.spools.get(spool) != path:
        spools = known.spools | {spool: path}
        _write_note(settings, known.model_copy(update={"spools": spools}))


def _write_note(settings: Settings, known: SpoolNote) -> None:
    write_whole(settings.data_dir / KNOWN, known.model_dump_json(indent=1))


def _list_noted(settings: Settings, known: SpoolNote | None) -> dict[Path, list[str]]:
    """Return the ids of the known spools by directory, the latest last."""
    noted: dict[Path, list[str]] = {}
    for name, path in known.spools.items() if known else ():
        noted.setdefault((settings.data_dir / path).resolve(), []).append(name)
    return noted


def _find_lost_name(settings: Settings, known: SpoolNote) -> str | None:
    """Return the id of a spool that lost its mark alone; None for a new spool, or one whose disk is not mounted."""
    directory = settings.spool_directory.resolve()
    names = _list_noted(settings, known).get(directory, [])
    return names[-1] if names and _is_used(directory) else None


def _is_used(directory: Path) -> bool:
    """Tell whether a spool left files there; where its disk is not mounted, others may lie, such as `lost+found`."""
    locks = any(path.suffix == ".lock" for path in list_files(directory))
    return locks or aside_in(directory).exists() or _has_segments(directory)


def _has_segments(directory: Path) -> bool:
    return any(is_segment(path) or find_segment(path) for path in list_files(directory))


def _find_trouble(directory: Path, known: SpoolNote | None, names: list[str], note: Path) -> str | None:
    """Say why rows can't be taken from the spools that were used at a path, though it can be read."""
    owner = _read(Owner, directory / OWNER)
    if owner and known and owner.owner != known.id:
        return f"belongs to the data directory {owner.data_dir} now"
    lost = [name for name in names if name != owner.spool] if owner else [] if _is_used(directory) else names
    if not lost:
        return None
    if not directory.is_dir():
        return f"is not there: mount it, or delete its line in {note}"
    return f"has no longer the spool {lost[0]}: stop `serve` and mount its disk, or delete its line in {note}"


def _read(kind: type[Model], path: Path) -> Model | None:
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    for each in (content, _LAST_COMMA.sub(b"", content)):
        with contextlib.suppress(ValidationError):
            return kind.model_validate_json(each)
    return None
