"""A PostgreSQL of the tests' own, in a scratch directory, which tests stop and start again, and a pooler before it."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.support.ports import free_port
from tests.support.waiting import until

# It refuses to run as root.
_USER = "nobody" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
_STARTS = 3
_POOLER = """
[databases]
* = host=127.0.0.1 port={server} user=clc

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
"""


def find_program(name: str) -> str:
    """Find a server's program; without it the test is skipped, or fails where POSTGRES_TESTS=required."""
    places = [shutil.which(name), *map(str, Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))]
    for place in filter(None, places):
        return place
    if os.environ.get("POSTGRES_TESTS") == "required":
        pytest.fail(f"{name} is not installed")
    pytest.skip(f"{name} is not installed")


class PostgreSQL:
    """A server with an address that stays the same; without `fsync` it is quicker, and loses rows with the machine."""

    def __init__(self, directory: Path, *, fsync: bool = False) -> None:
        self._fsync = "on" if fsync else "off"
        self._data = directory / "data"
        self._directory = directory
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        account = pwd.getpwnam(_USER)
        self.as_user: dict[str, Any] = {"user": account.pw_uid, "group": account.pw_gid} if os.geteuid() == 0 else {}
        os.chown(directory, account.pw_uid, account.pw_gid)
        self._make()

    def _make(self) -> None:
        self._run(find_program("initdb"), "-D", str(self._data), "-U", "clc", "-A", "trust", "--no-sync", "-E", "UTF8")

    def _run(self, *command: str) -> None:
        path = {"PATH": "/usr/bin:/bin"}
        subprocess.run(command, check=True, capture_output=True, cwd=self._directory, **self.as_user, env=path)

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://clc@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        options = [f"-p{self.port}", "-clisten_addresses=127.0.0.1", f"-k{self._directory}", f"-cfsync={self._fsync}"]
        options += ["-cwal_retrieve_retry_interval=200ms"]  # a standby finds its primary again soon
        with (self._directory / "log").open("ab") as log:
            command = [find_program("postgres"), "-D", str(self._data), *options]
            self._process = subprocess.Popen(command, cwd=self._directory, stderr=log, **self.as_user)
        until(self._answers, what="PostgreSQL")

    def stop(self) -> None:
        """End it as a crash would: connections break, and nobody is told."""
        if self._process:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait(60)
        self._process = None

    def list_processes(self) -> list[int]:
        """The ids of its processes."""
        first = self._process.pid
        return [first, *map(int, Path(f"/proc/{first}/task/{first}/children").read_text().split())]

    def destroy(self) -> None:
        """End it as a crash would, and delete its files."""
        self.stop()
        shutil.rmtree(self._directory)

    def execute(self, statement: str, database: str = "postgres") -> None:
        import psycopg

        with psycopg.connect(self.url(database), autocommit=True) as connection:
            connection.execute(statement.encode())

    def read(self, query: str, database: str = "postgres") -> list[tuple[Any, ...]]:
        import psycopg

        with psycopg.connect(self.url(database), autocommit=True) as connection:
            return connection.execute(query.encode()).fetchall()

    @contextmanager
    def lacking_its_standby(self) -> Iterator[None]:
        """Have commits wait for a standby that is not there."""
        try:
            self._name_standby("nobody")
            yield
        finally:
            self._name_standby("")

    def count_waiting_commits(self) -> int:
        """Return how many commits wait for a standby."""
        return self.read("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'")[0][0]

    def _name_standby(self, name: str) -> None:
        self.execute(f"ALTER SYSTEM SET synchronous_standby_names = '{name}'")
        self.execute("SELECT pg_reload_conf()")

    def _answers(self) -> bool:
        import psycopg

        assert self._process.poll() is None, (self._directory / "log").read_text()
        try:
            self.execute("SELECT 1")
        except psycopg.OperationalError:
            return False
        return True


class Standby(PostgreSQL):
    """A copy of a running server, which follows it; the server's commits wait until it has them."""

    def __init__(self, directory: Path, primary: PostgreSQL) -> None:
        self._primary = primary
        super().__init__(directory)

    def _make(self) -> None:
        self._run(
            find_program("pg_basebackup"), "-D", str(self._data), "-d", self._primary.url(), "-R", "--no-sync", "-cfast"
        )

    def start(self) -> None:
        super().start()
        self._primary._name_standby("*")
        until(lambda: self._primary.read("SELECT sync_state FROM pg_stat_replication") == [("sync",)], what="a standby")

    def promote(self) -> None:
        """Make it take writes; its primary is gone."""
        self.execute("SELECT pg_promote()")


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgreSQL]:
    find_program("initdb")
    directory = Path(tempfile.mkdtemp(prefix="postgres-"))
    server = PostgreSQL(directory)
    try:
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture
def database(postgres) -> Iterator[str]:
    """The URL of an empty database."""
    with made_database(postgres) as url:
        yield url


@contextmanager
def made_database(postgres: PostgreSQL) -> Iterator[str]:
    """Make an empty database for the length of a block."""
    name = f"clc_{uuid4().hex}"
    postgres.execute(f"CREATE DATABASE {name}")
    yield postgres.url(name)
    postgres.execute(f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def pooled(postgres: PostgreSQL, url: str) -> Iterator[str]:
    """Give the URL of the same database behind a pooler, for the length of a block."""
    find_program("pgbouncer")
    directory = Path(tempfile.mkdtemp(prefix="pooler-"))
    directory.chmod(0o755)
    pooler, port = _start_pooler(postgres, directory)
    try:
        behind = url.replace(str(postgres.port), str(port))
        until(lambda: _pooler_answers(pooler, behind), what="PgBouncer")
        yield behind
    finally:
        pooler.kill()
        pooler.wait(60)
        shutil.rmtree(directory)


def _start_pooler(postgres: PostgreSQL, directory: Path) -> tuple[subprocess.Popen[bytes], int]:
    """Start a pooler, and again where another program has taken its port in the meantime; return it and its port."""
    file, log = directory / "pgbouncer.ini", directory / "log"
    for _ in range(_STARTS):
        port = free_port()
        file.write_text(_POOLER.format(server=postgres.port, port=port))
        file.chmod(0o644)
        with log.open("wb") as errors:
            pooler = subprocess.Popen([find_program("pgbouncer"), str(file)], stderr=errors, **postgres.as_user)
        until(lambda pooler=pooler: "process up" in log.read_text() or pooler.poll() is not None, what="PgBouncer")
        if pooler.poll() is None:
            return pooler, port
    pytest.fail(log.read_text())


def _pooler_answers(pooler: subprocess.Popen[bytes], url: str) -> bool:
    import psycopg

    assert pooler.poll() is None
    try:
        with psycopg.connect(url) as connection:
            connection.execute("SELECT 1")
    except psycopg.OperationalError:
        return False
    return True
