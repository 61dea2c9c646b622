"""A place in object storage, or a directory, that keeps backups.

A backup is an object `backups/NAME.duckdb`, and is whole only when there is `backups/NAME.duckdb.json`: that manifest
is written last, once the object was read back. So half an upload never looks like a backup.
"""

import hashlib
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

from receiver.errors import DamagedObjectError, ObjectsError, SettingsError
from receiver.files import find_lack_of_room, open_whole
from receiver.keeping.backups import find_latest_credible, name_backup
from receiver.keeping.objects.storage import Storage
from receiver.settings import Settings

_BYTES_PER_STEP = 4 * 1024 * 1024
_FOLDER = "backups"
_OBJECT, _MANIFEST = ".duckdb", ".json"
_OWN_BEGIN = re.compile(r"clc-\d{8}T\d{12}Z-")
_FORMAT = 1
_SHORT_ID = 8
Advance = Callable[[int], None]
"""Called with the number of bytes moved since the last call."""
SETTING = "objects"
"""Stands for the place that CLC_OBJECTS names."""


class Manifest(NamedTuple):
    """The description of a backup in object storage: the object's name, size and checksum, and its content."""

    name: str
    bytes: int
    sha256: str
    made_at: str
    machine: str
    notifications: int
    last_seq: int


class Unusable(NamedTuple):
    """A backup in object storage that has a manifest and can't be used, and a sentence that says why.

    `is_newer` tells whether a newer program can use it.
    """

    name: str
    why: str
    is_newer: bool = False


class Pruned(NamedTuple):
    """The names of the objects that `prune` deleted, and how many whole backups of that machine stay."""

    removed: list[str]
    staying: int


def make_ending(node: UUID) -> str:
    """Return the ending of the names of a machine's backups."""
    return f"-{str(node)[:_SHORT_ID]}{_OBJECT}"


def name_in_storage(file: Path, machine: str, node: UUID) -> str:
    """Return the name of a machine's backup in object storage. Names sort by time, as those of the files do."""
    return f"{file.stem}-{re.sub(r'[^A-Za-z0-9.]+', '-', machine)}{make_ending(node)}"


class Place:
    """A place that keeps the backups of one or several machines.

    Args:
        url: `s3://BUCKET/PREFIX?OPTIONS`, or a directory; see `split_objects_url`.

    Raises:
        ValueError: it is none of them.
    """

    def __init__(self, url: str) -> None:
        self._storage = Storage(url)
        self._folder = self._storage.make_path(_FOLDER)

    def __str__(self) -> str:
        """Return it without options, as messages name it."""
        return str(self._storage)

    def put(self, file: Path, name: str, made: tuple[str, str, int, int], advance: Advance) -> Manifest:
        """Upload a backup, read it back, and write its manifest; only read it back if it is there already.

        Args:
            file: the backup.
            name: its name there.
            made: the manifest's fields from `made_at` on.
            advance: called twice for each byte: when it is sent, and when it is read back.

        Raises:
            DamagedObjectError: the object is not what was sent.
            ObjectsError: the place can't be used.
        """
        held = next((each for each in self.list_whole(name) if each.name == name), None)
        if held and self._is_as_written(held, lambda count: advance(2 * count)):
            return held
        with self._storage.errors():
            digest = self._send(file, name, advance)
        manifest = Manifest(name, file.stat().st_size, digest, *made)
        if not self._is_as_written(manifest, advance):
            raise DamagedObjectError(f"{self}: {name} was uploaded and came back changed.")
        content = json.dumps({"format": _FORMAT, **manifest._asdict()}, indent=1).encode()
        with self._storage.errors():
            self._storage.write(self._make_path(name + _MANIFEST), content)
        return manifest

    def list_whole(self, ending: str = _OBJECT) -> Iterator[Manifest]:
        """Find the backups that `list_all` finds and that can be used."""
        return (each for each in self.list_all(ending) if isinstance(each, Manifest))

    def list_all(self, ending: str = _OBJECT) -> Iterator[Manifest | Unusable]:
        """Find the backups that have a manifest, newest first; one is whole if it has the size that this says.

        Those that a wrong clock has named come last, see `find_latest_credible`.

        Args:
            ending: ends their names.

        Raises:
            ObjectsError: the place can't be used.
        """
        sizes = self._list()
        named = {name.removesuffix(_MANIFEST) for name in sizes if name.endswith(ending + _MANIFEST)}
        latest = name_backup(find_latest_credible())
        for name in sorted(named, key=lambda name: (name <= latest, name), reverse=True):
            yield self._look_at(name, sizes.get(name))

    def fetch(self, manifest: Manifest, target: Path, advance: Advance) -> bool:
        """Download a backup to a file, which appears only at the end, and tell whether it is as it was written.

        Raises:
            ObjectsError: the place or the file can't be used.
        """
        hashed = hashlib.sha256()
        with self._storage.errors(), open_whole(target) as file:
            for piece in self._storage.read(self._make_path(manifest.name)):
                file.write(piece)
                hashed.update(piece)
                advance(len(piece))
        return hashed.hexdigest() == manifest.sha256

    def prune(self, ending: str, keep: int, made: str | None = None) -> Pruned:
        """Delete what one machine has there beyond its newest whole backups, and half uploads.

        A backup that can't be used stays until so many whole ones are newer: its object may be whole all the same.

        Args:
            ending: ends the names of that machine's backups; see `make_ending`.
            keep: how many whole ones stay, at least one.
            made: the one that was made last, which stays whatever the names of others say.

        Raises:
            ObjectsError: the place can't be used.
        """
        # One that somebody has renamed, to keep it for example, is not ours any more.
        own = [
            name for name in self._list() if _OWN_BEGIN.match(name) and name.removesuffix(_MANIFEST).endswith(ending)
        ]
        kept, whole = set[str](), 0
        for each in sorted(self.list_all(ending), key=lambda each: each.name != made):
            if whole < keep:
                kept |= {each.name, each.name + _MANIFEST}
                whole += isinstance(each, Manifest)
        going = sorted(set(own) - kept, reverse=True) if whole else []  # a manifest goes before its object
        for name in going:
            self._storage.delete(self._make_path(name))
        return Pruned([name for name in going if name.endswith(_OBJECT)], whole)

    def _list(self) -> dict[str, int]:
        from pyarrow.fs import FileSelector  # noqa: PLC0415 - as `Storage.files`

        with self._storage.errors():
            infos = self._storage.files.get_file_info(FileSelector(self._folder, allow_not_found=True))
        return {info.base_name: info.size for info in infos if info.is_file and not info.base_name.startswith(".")}

    def _make_path(self, name: str) -> str:
        return f"{self._folder}/{name}"

    def _send(self, file: Path, name: str, advance: Advance) -> str:
        self._storage.make_folder(self._folder)
        if self._storage.is_directory and (lack := find_lack_of_room(Path(self._folder), file.stat().st_size)):
            raise OSError(lack)
        hashed = hashlib.sha256()
        with file.open("rb") as reading, self._storage.files.open_output_stream(self._make_path(name)) as writing:
            while piece := reading.read(_BYTES_PER_STEP):
                writing.write(piece)
                hashed.update(piece)
                advance(len(piece))
        self._storage.sync(self._make_path(name))
        return hashed.hexdigest()

    def _is_as_written(self, manifest: Manifest, advance: Advance) -> bool:
        hashed = hashlib.sha256()
        with self._storage.errors():
            for piece in self._storage.read(self._make_path(manifest.name)):
                hashed.update(piece)
                advance(len(piece))
        return hashed.hexdigest() == manifest.sha256

    def _look_at(self, name: str, size: int | None) -> Manifest | Unusable:
        """Read the manifest of an object, and compare its size with that; None is the size of one that is gone."""
        if size is None:
            return Unusable(name, "its object is gone.")
        with self._storage.errors():
            content = b"".join(self._storage.read(self._make_path(name + _MANIFEST)))
        try:
            manifest = _parse_manifest(content, name)
        except ObjectsError as error:
            return Unusable(name, str(error), is_newer=not isinstance(error, DamagedObjectError))
        if manifest.bytes != size:
            return Unusable(name, f"it has {size:,} bytes, and its manifest says {manifest.bytes:,}.")
        return manifest


def _parse_manifest(content: bytes, name: str) -> Manifest:
    """Read the manifest of an object.

    Raises:
        ObjectsError: it is damaged, of another object, or of a newer program.
    """
    damaged = DamagedObjectError(
        f"its manifest {name}{_MANIFEST} is damaged. If its object is whole, download that and `restore` the file."
    )
    try:
        fields = json.loads(content)
        written = fields.pop("format")
        if written > _FORMAT:
            raise ObjectsError(f"a newer program wrote its manifest {name}{_MANIFEST}: install that program.")
        manifest = Manifest(**fields)
    except (ValueError, TypeError, KeyError, AttributeError):
        raise damaged from None
    has_right_types = [type(value) for value in manifest] == [*Manifest.__annotations__.values()]
    if not has_right_types or manifest.name != name or written != _FORMAT:
        raise damaged
    return manifest


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
