"""A server of S3 of the tests' own, in a scratch directory, which tests stop and start again."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from receiver.keeping.objects.place import name_in_storage
from tests.support.ports import free_port
from tests.support.waiting import until

KEY, SECRET = "a-key-of-tests", "a-secret-of-tests"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET}
READER = {"AWS_ACCESS_KEY_ID": "a-key-that-may-read", "AWS_SECRET_ACCESS_KEY": SECRET}
_WHO = [
    {"name": "clc", "credentials": [{"accessKey": KEY, "secretKey": SECRET}], "actions": ["Admin"]},
    {
        "name": "reader",
        "credentials": [{"accessKey": READER["AWS_ACCESS_KEY_ID"], "secretKey": SECRET}],
        "actions": ["Read", "List"],
    },
]
_PARTS = ("master", "volume", "filer", "s3")
MACHINES = [UUID(int=n << 96) for n in (1, 2)]


def name_backups(backup, days, node=MACHINES[0]):
    """Return the names that a machine's backups of some days of March have there."""
    files = [backup.with_name(f"clc-202603{day:02}T000000000000Z.duckdb") for day in days]
    return [name_in_storage(file, "a host", node) for file in files]


class Failing:
    """Files of which some calls fail, before or after what they do."""

    def __init__(self, files, before=(), after=()):
        self._files, self._before, self._after = files, before, after

    def __getattr__(self, name):
        real = getattr(self._files, name)
        if name not in {*self._before, *self._after}:
            return real

        def fail(path):
            if name in self._after:
                real(path)
            raise OSError("AWS Error ACCESS_DENIED during an operation: Access Denied")

        return fail


class ObjectStorage:
    """SeaweedFS, with an identity that may do all, and one that may only read."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._ports = {part: free_port() for part in (*_PARTS, *(f"{part}.grpc" for part in _PARTS))}
        self._process: subprocess.Popen[bytes] | None = None
        (directory / "identities.json").write_text(json.dumps({"identities": _WHO}))

    def url(self, bucket: str) -> str:
        return f"s3://{bucket}/some/prefix?scheme=http&endpoint_override=127.0.0.1:{self._ports['s3']}"

    def start(self) -> None:
        parts = [name.partition(".") for name in self._ports]
        ports = [f"-{part}.port{dot}{grpc}={self._ports[part + dot + grpc]}" for part, dot, grpc in parts]
        options = ["-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-s3", "-s3.iam=false", "-s3.config=identities.json"]
        small = [
            "-master.volumeSizeLimitMB=64",
            "-master.electionTimeout=500ms",
            "-master.heartbeatInterval=100ms",
            "-master.telemetry=false",
            "-volume.max=200",
            "-s3.port.iceberg=0",  # their ports are the same for each server of a machine
            "-s3.port.lance=0",
            f"-dir={self._directory}",
        ]
        weed = Path(sys.executable).with_name("weed")
        with (self._directory / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [weed, "server", *ports, *options, *small], cwd=self._directory, stdout=log, stderr=log
            )
        until(self._takes_objects, what="S3")

    def stop(self) -> None:
        """End it as a crash would."""
        if self._process:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait(60)
        self._process = None

    def _takes_objects(self) -> bool:
        from pyarrow import fs

        assert self._process.poll() is None, (self._directory / "log").read_text()
        files = fs.S3FileSystem(
            access_key=KEY, secret_key=SECRET, scheme="http", endpoint_override=self.url("").split("=")[-1]
        )
        try:
            with files.open_output_stream("first/object") as writing:
                writing.write(b"first")
        except OSError:
            return False
        return True


@pytest.fixture(scope="session")
def object_storage() -> Iterator[ObjectStorage]:
    if sys.platform != "linux":
        pytest.skip("SeaweedFS is not packaged for this system")
    directory = Path(tempfile.mkdtemp(prefix="objects-"))
    server = ObjectStorage(directory)
    try:
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture
def bucket(object_storage) -> str:
    """The URL of a place where nothing is yet."""
    return object_storage.url(f"clc-{uuid4().hex}")


@pytest.fixture(params=["directory", "s3"])
def objects(request, tmp_path) -> str:
    """The same, or a directory."""
    if request.param == "s3":
        return request.getfixturevalue("bucket")
    (tmp_path / "objects").mkdir()
    return str(tmp_path / "objects")


@pytest.fixture
def credentials(monkeypatch) -> None:
    """Give this process those of the server."""
    for name, value in CREDENTIALS.items():
        monkeypatch.setitem(os.environ, name, value)
