"""`clc-analytics dashboard`: where it listens, and what it can show."""

import duckdb
import pytest

from analytics.cli import run


@pytest.mark.parametrize("address", ["", " "])
def test_an_empty_address_is_wrong_usage_because_it_would_be_all_addresses(monkeypatch, capfd, address):
    monkeypatch.setattr("os.execv", lambda *_: pytest.fail("It started."))
    assert run(["dashboard", "--no-browser", "--address", address]) == 2
    assert "Invalid value for '--address': it is empty: name an address, 0.0.0.0 for all" in capfd.readouterr().err


@pytest.mark.parametrize("address", ["ä..b", "\udcff"])
def test_an_address_that_can_be_no_hosts_name_is_told(monkeypatch, capfd, address):
    monkeypatch.setattr("os.execv", lambda *_: pytest.fail("It started."))
    assert run(["dashboard", "--no-browser", "--address", address]) == 1
    assert "(no host can have this name); choose another with --port and --address." in capfd.readouterr().err


@pytest.mark.parametrize(("command", "code"), [("dashboard", 1), ("findings", 2), ("check", 1), ("tail --json", 1)])
def test_a_file_of_an_older_version_is_refused_with_what_to_do(tmp_path, monkeypatch, capfd, command, code):
    monkeypatch.setattr("os.execv", lambda *_: pytest.fail("It started."))
    file = tmp_path / "clc-before-schema-16.duckdb"
    with duckdb.connect(str(file)) as connection:
        connection.execute("CREATE TABLE notifications (seq BIGINT, received_at TIMESTAMPTZ)")
    assert run([*command.split(), "--location", str(file)]) == code
    out, err = capfd.readouterr()
    assert f"{file} lacks tables or columns that this command reads: an older version wrote it" in out + err
    assert "Binder Error" not in out + err
