"""Files: synced before they count, readable only for their owner; the program's own; the limit on open files."""

import contextlib
import errno
import importlib
import os
import resource
import secrets
import shutil
import stat
from collections.abc import Callable, Iterator
from functools import cache
from importlib import resources
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

import receiver

_BYTES_PER_STEP = 4 * 1024 * 1024
_RESERVED_BYTES = 2**30
_TRIED_BYTES = 128 * 1024
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC

OWNER_ONLY_FILE = 0o600
OWNER_ONLY_DIRECTORY = 0o700


@contextlib.contextmanager
def open_whole(path: Path, *, synced: bool = True, replacing: bool = True) -> Iterator[IO[bytes]]:
    """Open a file that gets its name at the end of a block, when it is whole; if the block raises, it never does.

    Args:
        path: the file; its directory exists.
        synced: whether it is on disk by then; only a file that may be empty after a power cut needs no sync.
        replacing: whether it replaces a file of that name.

    Raises:
        FileExistsError: the file exists, and `replacing` is false.
        OSError: it can't be written, and the old file stays; or it can't be synced, and either file may be there.
    """
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    try:
        with os.fdopen(os.open(unfinished, _NEW, OWNER_ONLY_FILE), "wb") as file:
            yield file
            if synced:
                file.flush()
                os.fsync(file.fileno())
        if replacing:
            unfinished.replace(path)
        else:
            _rename_to_new(unfinished, path)
    except OSError as error:
        if error.filename == str(unfinished):  # another name each time: what fails often is to be logged once
            error.filename = str(path)
        raise
    finally:
        with contextlib.suppress(OSError):
            unfinished.unlink(missing_ok=True)
    if synced:
        sync_directory(path.parent)


def write_whole(path: Path, content: str | bytes, *, synced: bool = True) -> None:
    """Replace a file in one step, so that no reader sees half of it; see `open_whole`."""
    with open_whole(path, synced=synced) as file:
        file.write(content.encode() if isinstance(content, str) else content)


def write_new(path: Path, content: str | bytes) -> None:
    """Write a file that does not exist yet, in one step; see `open_whole`."""
    with open_whole(path, replacing=False) as file:
        file.write(content.encode() if isinstance(content, str) else content)


def copy_whole(source: Path, target: Path, advance: Callable[[int], None] = lambda _bytes: None) -> None:
    """Copy a file in one step; see `open_whole`.

    Args:
        source: the file to copy.
        target: the copy; its directory exists.
        advance: called with the number of bytes copied since the last call.

    Raises:
        OSError: it can't be copied; `filename` is the source if that can't be read.
    """
    with source.open("rb") as reading, open_whole(target) as writing:
        while piece := _read_piece(reading):
            writing.write(piece)
            advance(len(piece))


def _read_piece(file: IO[bytes]) -> bytes:
    try:
        return file.read(_BYTES_PER_STEP)
    except OSError as error:
        error.filename = file.name  # the system names a file only where it can't be opened
        raise


def find_lack_of_room(directory: Path, size: int) -> str | None:
    """Say that a disk has too little room for a copy of so many bytes; None if it has enough.

    As much again must stay free, or 1 GiB if that is less. A copy that fills the disk leaves no room for what is
    received meanwhile, and comes to nothing.

    Raises:
        OSError: it can't be told how much is free.
    """
    needed, free = size + min(size, _RESERVED_BYTES), shutil.disk_usage(directory).free
    if free >= needed:
        return None
    wanted, left = (f"{count / 2**20:,.1f} MiB" for count in (needed, free))
    return f"the disk of {directory} has {left} free, and a copy needs {wanted}, so that what is received has room, too"


def find_write_trouble(directory: Path) -> str | None:
    """Say why a directory takes no new file; None if it does. Nothing of the try stays there, also after a kill."""
    try:
        with TemporaryFile(prefix=".clc-", dir=directory) as file:  # on Linux it has no name
            file.write(bytes(_TRIED_BYTES))
    except OSError as error:
        return error.strerror or type(error).__name__
    return None


def make_directory(directory: Path) -> None:
    """Make a missing directory that only its owner may enter, and its missing parents; each is synced.

    Raises:
        OSError: it can't be made.
    """
    if directory.is_dir():
        return
    if not directory.parent.is_dir():
        make_directory(directory.parent)
    try:
        directory.mkdir(mode=OWNER_ONLY_DIRECTORY, exist_ok=True)
    except FileExistsError as error:
        raise FileExistsError(error.errno, f"{directory} is a file, or a link that leads nowhere") from None
    sync_directory(directory.parent)


def list_files(directory: Path) -> list[Path]:
    """List what is in a directory, in order of names: nothing if there is no directory.

    Raises:
        OSError: it can't be listed, so it is not known what is there; `Path.glob` would find nothing.
    """
    try:
        return sorted(directory.iterdir())
    except FileNotFoundError:
        return []


def sync_file(path: Path) -> None:
    """Sync a file's content."""
    _sync(path, os.O_RDONLY)


def sync_directory(directory: Path) -> None:
    """Sync a directory, so that files created, renamed or deleted in it stay so."""
    _sync(directory, os.O_RDONLY | os.O_DIRECTORY)


def is_blank(content: bytes) -> bool:
    """Tell whether content is empty or all zeros, as a power cut leaves a file that was not synced."""
    return not content.strip(b"\0 \t\r\n")


def keep_to_owner(path: Path, mode: int) -> bool:
    """Take other users' permissions away from a file or directory, and tell whether they had any.

    Raises:
        OSError: they can't be taken away.
    """
    status = path.lstat()
    if stat.S_ISLNK(status.st_mode) or not status.st_mode & 0o077:
        return False
    path.chmod(status.st_mode & mode)
    return True


def _rename_to_new(unfinished: Path, path: Path) -> None:
    try:
        os.link(unfinished, path)  # unlike a rename, this never replaces a file
    except OSError as error:
        if error.errno not in {errno.EPERM, errno.EOPNOTSUPP}:
            raise
        if os.path.lexists(path):  # on a file system without links
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path)) from None
        unfinished.rename(path)


def _sync(path: Path, flags: int) -> None:
    descriptor = os.open(path, flags | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def allow_descriptors() -> None:
    """Raise the soft limit on open files, often 1,024, to the hard one."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(OSError, ValueError):  # macOS refuses infinity; then the limit stays as it is
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


@cache
def read_sql_files(package: str) -> dict[str, str]:
    """Read the SQL files of a package, by their names, without importing it.

    Raises:
        OSError: a file can't be read.
    """
    top, *inner = package.split(".")
    folder = resources.files(top).joinpath(*inner)
    files = (file for file in folder.iterdir() if file.name.endswith(".sql"))
    return {file.name: file.read_text("utf-8") for file in files}


def read_sql_file(package: str, name: str) -> str:
    """Return a SQL file that lies beside a package's modules.

    Raises:
        OSError: it can't be read.
        KeyError: there is none of that name.
    """
    return read_sql_files(package)[name]


def load_program(*modules: str) -> None:
    """Read every SQL file of the program, and import modules that would otherwise be imported when they are first used.

    A process calls this before it takes its first row.

    Args:
        modules: full names; those that are not installed are left out.
    """
    top = Path(receiver.__file__).parent
    for folder in {file.parent for file in top.rglob("*.sql")}:
        read_sql_files(".".join((top.name, *folder.relative_to(top).parts)))
    for name in modules:
        try:
            importlib.import_module(name)
        except ModuleNotFoundError:
            continue


def check_for_duckdb(path: Path) -> Path:
    """Return the path of a database, or of its directory, for which DuckDB finds its log.

    It puts `.wal` before the first `?` of a database's path, in which it has followed the links.

    Raises:
        ValueError: it is none.
    """
    whole = os.path.realpath(path)
    if "?" in whole or whole.encode(errors="replace").decode() != whole:
        raise ValueError("its path, also behind links, must be UTF-8 and have no question mark")
    return path


def hold_in_memory(content: bytes) -> int | None:
    """Write content into memory, and return a descriptor of it; None where the system can't give it to other processes.

    It is on no disk, and goes with the last process that has the descriptor.
    """
    with contextlib.suppress(AttributeError, OSError):  # macOS has no such function
        descriptor = os.memfd_create("clc")
        with os.fdopen(descriptor, "wb", closefd=False) as memory:
            memory.write(content)
        if name_descriptor(descriptor).exists():
            return descriptor
        os.close(descriptor)
    return None


def name_descriptor(descriptor: int) -> Path:
    """Return the path by which a process opens a file that it has by a descriptor."""
    return Path(f"/dev/fd/{descriptor}")
