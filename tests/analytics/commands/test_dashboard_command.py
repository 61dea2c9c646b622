"""`clc-analytics dashboard`: where it listens, what it can show, and how it starts Streamlit."""

import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from analytics.cli import run
from analytics.commands.dashboard import list_streamlit_options
from analytics.pages.pages import find_entry_file


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


def test_the_dashboards_entry_lies_beside_the_package():
    assert Path(find_entry_file()).name == "app_dashboard.py"


def test_streamlit_sends_no_statistics_and_asks_for_no_address():
    options = {*list_streamlit_options(8501, "127.0.0.1")}
    assert {"--browser.gatherUsageStats=false", "--server.showEmailPrompt=false", "--server.headless=true"} <= options
    (theme,) = [option.partition("=")[2] for option in options if option.startswith("--theme.base=")]
    assert Path(theme).is_file()


@pytest.mark.full
def test_the_garbage_collector_looks_at_nothing_of_the_dashboards_program():
    code = """
import gc
from analytics.pages.serving.served import leave_program_alone
before = len(gc.get_objects())
leave_program_alone()
print(before, len(gc.get_objects()), gc.get_threshold()[2])
"""
    printed = subprocess.check_output([sys.executable, "-W", "ignore", "-c", code], text=True)
    before, after, seldom = map(int, printed.split())
    assert before > 50_000
    assert (after < 1_000, seldom > 10) == (True, True)
