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
    for left in data_dir.glob(f".{_FETCHED}.*"):  # by one that was killed
        left.unlink()
    try:
        for manifest in place.list_all():
            if isinstance(manifest, Unusable):
                pass_over(_describe_passed_over(manifest.name, manifest.why))
                continue
            try:
                fetched = _fetch(place, manifest, file, begin(manifest))
            except (NewerStoreError, UndecidedError):
                raise
            except (DamagedObjectError, StoreError) as error:
                lack: str | None = str(error)
            else:
                lack = find_lack(file) if sparing or not fetched.fault else _describe_fault(fetched.fault)
            if lack:
                pass_over(_describe_passed_over(manifest.name, lack))
            else:
                yield fetched
                return
    finally:
        file.unlink(missing_ok=True)
    raise ObjectsError(f"{place} has no whole backup that can be used.")


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
    return Fetched(
        file, manifest.name, info, has_whole_refused=error is None, fault=fault or (str(error) if error else None)
    )


def _describe_passed_over(name: str, why: str) -> str:
    return f"The backup {name} is passed over: {why}"


def _describe_fault(fault: str) -> str:
    return f"{fault} Its notifications are whole: `restore --force` restores it without what is damaged."
