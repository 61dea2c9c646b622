"""The command `sql` on a small store."""

import pytest

from analytics.cli import run
from tests.support.readable_store import HOSTILE_NAME, LONG_NAME, Row, account, build_store, server


@pytest.fixture
def no_settings(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    for name in ("CLC_DATA_DIR", "CLC_QUERY_LISTEN", "CLC_QUERY_TOKEN", "CLC_LISTEN"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def store(tmp_path, no_settings):  # noqa: ARG001 - it must come first
    rows = [
        account("ACME", "Acme", None),
        server("ACME", "WA1ACMEWEB01", actor="ann"),
        Row("User.Created", "ACME", HOSTILE_NAME, {"userName": LONG_NAME}),
    ]
    return str(build_store(tmp_path / "store.duckdb", rows))


@pytest.fixture
def sql(store, capfdbinary):
    def ask(*arguments):
        code = run(["sql", "--location", store, *arguments])
        out, err = capfdbinary.readouterr()
        return code, out, err.decode()

    return ask
