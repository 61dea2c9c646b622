"""Fetches the newest backup of a place that can be restored, and checks it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from receiver.database.faults import is_whole
from receiver.errors import DamagedObjectError, NewerStoreError, ObjectsError, StoreError, UndecidedError
from receiver.keeping.backup_file import BackupInfo, inspect_all_but_refused
from receiver.keeping.objects.place import Advance, Manifest, Place, Unusable

_FETCHED = "restoring.fetched"


class Fetched(NamedTuple):
    """A backup that was fetched: its file, its name, what it says of itself, and what is wrong with it.

    `fault` is None if nothing is. Its notifications can be read in any case.
    """

    file: Path
    name: str
    info: BackupInfo
    has_whole_refused: bool
    fault: str | None


@contextmanager
def fetched_newest(
    place: Place,
    data_dir: Path,
    begin: Callable[[Manifest], Advance],
    pass_over: Callable[[str], None],
    find_lack: Callable[[Path], str | None] = lambda _file: None,
    *,
    sparing: bool = False,
) -> Iterator[Fetched]:
    """Fetch the newest backup that is whole, and check it; the file goes at the end of the block, if it is still there.

    Args:
        place: where backups are.
        data_dir: where the file comes.
        begin: called with the manifest of each backup that is tried; returns what is told the progress.
        pass_over: called with a sentence for each one that is damaged or lacks something; then an older one is tried.
        find_lack: says what a backup lacks, if it does.
        sparing: whether a backup will do whose notifications are whole, though something else in it is damaged: it has
            more of them than an older one.

    Raises:
        ObjectsError: there is none, or the place can't be used.
        NewerStoreError: the newest is of a newer program.
        UndecidedError: whether the newest is whole can't be told at the moment.
    """
    file = data_dir / _FETCHED
    clear_fetched(data_dir)
    try:
        for manifest in place.list_all():
            if isinstance(manifest, Unusable):
                if manifest.is_newer:
                    raise NewerStoreError(f"The backup {manifest.name} can't be used: {manifest.why}")
                lack: str | None = manifest.why
            else:
                with _naming(file, manifest.name):
                    fetched, lack = _fetch_readable(place, manifest, file, begin(manifest))
                    if fetched and fetched.fault and not sparing:
                        lack = (
                            f"{fetched.fault} Its notifications are whole: `restore --force` restores it without what "
                            "is damaged."
                        )
                    elif fetched:
                        lack = find_lack(file)
                if fetched and not lack:
                    yield fetched
                    return
            pass_over(f"The backup {manifest.name} is passed over: {lack}")
    finally:
        file.unlink(missing_ok=True)
    raise ObjectsError(f"{place} has no whole backup that can be used.")


def clear_fetched(data_dir: Path) -> None:
    """Delete what was fetched by one that was killed; the caller has the lock.

    Raises:
        OSError: it can't be deleted.
    """
    for left in (data_dir / _FETCHED, *data_dir.glob(f".{_FETCHED}.*")):
        left.unlink(missing_ok=True)


@contextmanager
def _naming(file: Path, name: str) -> Iterator[None]:
    """Name the backup in errors of a block, see `_name`."""
    try:
        yield
    except StoreError as error:
        raise type(error)(_name(str(error), file, name)) from None


def _name(text: str, file: Path, name: str) -> str:
    """Name the backup in a text instead of the fetched file, which the user never sees."""
    return text.replace(str(file), name)


def _fetch_readable(
    place: Place, manifest: Manifest, file: Path, advance: Advance
) -> tuple[Fetched | None, str | None]:
    """Fetch a backup, or return a sentence that says why its notifications can't be read."""
    try:
        return _fetch(place, manifest, file, advance), None
    except (NewerStoreError, UndecidedError):
        raise
    except (DamagedObjectError, StoreError) as error:
        return None, _name(str(error), file, manifest.name)


def _fetch(place: Place, manifest: Manifest, file: Path, advance: Advance) -> Fetched:
    """Fetch a backup and check that its notifications can be read.

    Raises:
        DamagedObjectError, StoreError: they can't.
        UndecidedError: that can't be told at the moment.
    """
    is_as_written = place.fetch(manifest, file, advance)
    fault = None if is_as_written else f"{place}: {manifest.name} is damaged: its checksum is not the manifest's."
    if fault and not is_whole(file, sparing_refused=True):  # in another process: a damaged file may end it
        raise DamagedObjectError(fault)
    info, error = inspect_all_but_refused(file)
    if error and not fault:
        fault = _name(str(error), file, manifest.name)
    return Fetched(file, manifest.name, info, has_whole_refused=error is None, fault=fault)
