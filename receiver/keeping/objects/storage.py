"""Objects below a URL: in a bucket of S3, or files below a directory."""

import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from receiver.configuration import split_objects_url
from receiver.errors import DamagedObjectError, ObjectsError
from receiver.files import make_directory, sync_directory, sync_file, write_whole

_BYTES_PER_STEP = 4 * 1024 * 1024
_CONNECT_SECONDS, _ANSWER_SECONDS = 5.0, 30.0
_PROOF = ".clc-check-"
_OF_S3 = re.compile(r".*AWS Error (\w+) during \w+ operation: (?:curlCode: \d+, )?(.*)")


class Storage:
    """Objects, by paths that `make_path` makes.

    Args:
        url: `s3://BUCKET/PREFIX?OPTIONS`, or a directory; see `split_objects_url`.

    Raises:
        ValueError: it is none of them.
    """

    def __init__(self, url: str) -> None:
        self._url = split_objects_url(url)
        self._opened: Any = None

    def __str__(self) -> str:
        """Return it without options, as messages name it."""
        return f"s3://{self._url.path}" if self._url.scheme == "s3" else self._url.path

    @property
    def is_directory(self) -> bool:
        """Whether objects are files of this machine."""
        return self._url.scheme == "file"

    @property
    def files(self) -> Any:
        """The file system of pyarrow; imported here, because it takes a while and most commands need none."""
        if self._opened is None:
            self._opened = _open(*self._url)
        return self._opened

    def make_path(self, name: str) -> str:
        """Return the path of a name below the URL."""
        return f"{self._url.path.rstrip('/')}/{name}"

    def read(self, path: str) -> Iterator[bytes]:
        """Read an object piece by piece."""
        with self.files.open_input_stream(path) as reading:
            while piece := reading.read(_BYTES_PER_STEP):
                yield piece

    def write(self, path: str, content: bytes) -> None:
        """Write a small object in one step: a reader sees the old or the new one."""
        if self.is_directory:
            write_whole(Path(path), content)
            return
        with self.files.open_output_stream(path) as writing:
            writing.write(content)

    def make_folder(self, path: str) -> None:
        """Make the missing folders of a path below the URL; its own directory must exist, and S3 needs none."""
        _ = self.files
        if self.is_directory:
            make_directory(Path(path))

    def sync(self, path: str) -> None:
        """Sync a file that was written, and its directory; S3 needs none."""
        if self.is_directory:
            sync_file(Path(path))
            sync_directory(Path(path).parent)

    def prove_writable(self, folder: str, machine: str) -> str | None:
        """Put a small object into a folder, read it back and delete it; return why it can't be deleted, None if it can.

        Its name is hidden, and no backup or file of the lake has such a one; no other process uses the same. On S3 the
        folder's own mark, an empty object, is there afterwards.

        Raises:
            ObjectsError: it can't be put there, or not be read back.
        """
        own = f"{re.sub(r'[^A-Za-z0-9.]+', '-', machine)}-{os.getpid()}-{secrets.token_hex(4)}"
        path = self.make_path(f"{folder}/{_PROOF}{own}")
        with self.errors("written"):
            self.write(path, _PROOF.encode())
        try:
            with self.errors():
                came_back = b"".join(self.read(path))
        finally:
            kept = self._find_what_keeps(path)
        if came_back != _PROOF.encode():
            raise DamagedObjectError(f"{self} can't be used: what was put there came back changed.")
        return kept

    def _find_what_keeps(self, path: str) -> str | None:
        """Delete an object, and return why it is still there; None if it is not."""
        try:
            self.delete(path)
        except ObjectsError as error:
            return str(error)
        return None

    def delete(self, path: str) -> None:
        """Delete an object; one that is gone already is no error.

        Raises:
            ObjectsError: it is still there, or the place can't be used.
        """
        try:
            with self.errors():
                self.files.delete_file(path)
        except ObjectsError:
            # Once an object is gone, pyarrow puts an empty one that marks the folder, which may be forbidden.
            if not self._is_gone(path):
                raise

    def _is_gone(self, path: str) -> bool:
        from pyarrow.fs import FileType  # noqa: PLC0415 - as `files`

        with suppress(ObjectsError), self.errors():
            return bool(self.files.get_file_info(path).type == FileType.NotFound)
        return False

    @contextmanager
    def errors(self, doing: str = "used") -> Iterator[None]:
        """Raise the errors of pyarrow as ours; `doing` completes "can't be …".

        Raises:
            ObjectsError: the place can't be used.
        """
        from pyarrow import ArrowException  # noqa: PLC0415 - as `files`

        try:
            yield
        except (OSError, ArrowException) as error:
            raise ObjectsError(f"{self} can't be {doing}: {_describe(error)}.") from None


def _open(scheme: str, path: str, options: dict[str, str]) -> Any:
    from pyarrow import fs  # noqa: PLC0415 - see `Storage.files`

    if scheme == "file":
        if not Path(path).is_dir():
            raise ObjectsError(f"{path} is no directory: make it, or mount what should be there.")
        return fs.LocalFileSystem()
    given: dict[str, Any] = dict(options)
    if not given.keys() & {"region", "endpoint_override"}:
        given["region"] = fs.resolve_s3_region(path.partition("/")[0])
    return fs.S3FileSystem(**given, connect_timeout=_CONNECT_SECONDS, request_timeout=_ANSWER_SECONDS)


def _describe(error: Exception) -> str:
    text = " ".join((str(error).splitlines() or [""])[0].split()).rstrip(".")
    text = re.sub(r"; Details: .*|\(Request ID: [^)]*\)", "", text).strip().rstrip(".")
    return _OF_S3.sub(r"\2 (\1)", text) or type(error).__name__
