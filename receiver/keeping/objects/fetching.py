"""Fetches the newest whole backup from object storage into the data directory."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from receiver.errors import DamagedObjectError, NewerStoreError, ObjectsError, SettingsError, StoreError
from receiver.keeping.backup_file import BackupInfo, inspect
from receiver.keeping.objects.place import Advance, Manifest, Place
from receiver.settings import Settings

FETCHED = "restoring.fetched"
SETTING = "objects"
"""Stands for the place that CLC_OBJECTS names."""


def find_place(source: str, settings: Settings) -> Place | None:
    """Return the place that a command's argument names; None if it names a file.

    Raises:
        SettingsError: it names none that can be.
    """
    if source == SETTING and settings.objects is None:
        raise SettingsError("CLC_OBJECTS is not set: set it, or name a backup's file or s3://BUCKET/PREFIX.")
    url = settings.objects if source == SETTING else source
    if url is None or not (source == SETTING or source.startswith(("s3://", "file://"))):
        return None
    try:
        return Place(url)
    except ValueError as error:
        raise SettingsError(f"{source.partition(':')[0]}:// can't be used so: {error}.") from None


@contextmanager
def fetched_newest(
    place: Place,
    data_dir: Path,
    begin: Callable[[Manifest], Advance],
    pass_over: Callable[[str], None],
    find_lack: Callable[[Path], str | None] = lambda _file: None,
) -> Iterator[tuple[Path, str, BackupInfo]]:
    """Fetch the newest backup that is whole, and check it; give its file, its name and what it says of itself.

    The file goes at the end of the block, if it is still there.

    Args:
        place: where backups are.
        data_dir: where the file comes.
        begin: called with the manifest of each backup that is tried; returns what is told the progress.
        pass_over: called with a sentence for each one that is damaged or lacks something; then an older one is tried.
        find_lack: says what a backup lacks, if it does.

    Raises:
        ObjectsError: there is none, or the place can't be used.
        NewerStoreError: the newest is of a newer program.
    """
    file = data_dir / FETCHED
    for left in data_dir.glob(f".{FETCHED}.*"):  # by one that was killed
        left.unlink()
    try:
        for manifest in place.list_whole():
            try:
                place.fetch(manifest, file, begin(manifest))
                info = inspect(file)
            except NewerStoreError:
                raise
            except (DamagedObjectError, StoreError) as error:
                lack: str | None = str(error)
            else:
                lack = find_lack(file)
            if lack:
                pass_over(f"The backup {manifest.name} is passed over: {lack}")
            else:
                yield file, manifest.name, info
                return
    finally:
        file.unlink(missing_ok=True)
    raise ObjectsError(f"{place} has no whole backup that can be used.")
