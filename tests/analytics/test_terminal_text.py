"""No character that a terminal obeys comes out of the store, whichever command prints it."""

import json
import os
import pty
import subprocess
import sys
from datetime import timedelta

import click
import pytest

from analytics.cli import run
from receiver.cli import main
from receiver.errors import ReceiverError
from receiver.logs import make_visible
from tests.support.readable_store import MIDDAY, Row, build_store

# A C1 control sequence introducer, an escape, a carriage return, a delete, a bidirectional override, a tag of 17 bits.
HOSTILE = "KIM\x9b31m\x85\x1b]0;owned\x07\r\x7f\u202e\u2028\U000e0041"
OBEYED = {chr(code) for code in (*range(32), *range(0x7F, 0xA0))} - set("\n\t") | set("\u202e\u2028\U000e0041")
SQL = "SELECT entity_id, payload::VARCHAR AS body, [actor] AS actors FROM notifications"


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    body = {"userName": HOSTILE, "accountAlias": "ACME", HOSTILE: HOSTILE}
    user = Row("User.Created", "ACME", HOSTILE, body, MIDDAY - timedelta(minutes=1), actor=HOSTILE)
    return str(build_store(tmp_path_factory.mktemp("store") / "s.duckdb", [user]))


@pytest.fixture(autouse=True)
def _no_settings(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("DATA_DIR", "QUERY_LISTEN", "QUERY_TOKEN", "LISTEN", "RULES"):
        monkeypatch.delenv(f"CLC_{name}", raising=False)


FINDINGS = ["findings", "--since", "2026-03-02", "--until", "2026-03-03"]
COMMANDS = [
    ["tail"],
    ["tail", "--json"],
    FINDINGS,
    [*FINDINGS, "--json"],
    ["sql", SQL],
    ["sql", "--format", "json", SQL],
    ["sql", "SELECT entity_id::INTEGER FROM notifications"],
]


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_what_a_command_prints_holds_no_character_that_a_terminal_obeys(store, capfdbinary, arguments):
    run([*arguments, "--location", store])
    out, err = capfdbinary.readouterr()
    assert b"KIM" in out + err
    assert not OBEYED & set((out + err).decode())


def test_json_means_what_is_stored_though_it_is_spelled_with_escapes(store, capfdbinary):
    run(["tail", "--json", "--location", store])
    row = json.loads(capfdbinary.readouterr().out)
    assert (row["entity_id"], row["actor"]) == (HOSTILE, HOSTILE)
    assert json.loads(row["payload"])[HOSTILE] == HOSTILE
    run(["sql", "--format", "json", "--location", store, SQL])
    [row] = json.loads(capfdbinary.readouterr().out)
    assert row["entity_id"] == HOSTILE
    assert row["actors"] == [HOSTILE]


def test_csv_is_exact_in_a_pipe_and_harmless_on_a_terminal(store, capfdbinary):
    arguments = ["sql", "--format", "csv", "--location", store, SQL]
    run(arguments)
    assert HOSTILE in capfdbinary.readouterr().out.decode()
    shown = on_a_terminal([sys.executable, "-m", "analytics", *arguments])
    assert "KIM\\u009b31m" in shown
    assert not OBEYED & set(shown)


def on_a_terminal(command):
    """Run a command whose standard output is a terminal, and return what that got."""
    ours, its = pty.openpty()
    try:
        with subprocess.Popen(command, stdout=its, stderr=subprocess.DEVNULL) as process:
            assert process.wait(timeout=120) == 0
            # The terminal itself puts a carriage return before each line feed.
            return os.read(ours, 1 << 20).decode().replace("\r\n", "\n")
    finally:
        os.close(ours)
        os.close(its)


def test_the_receivers_commands_show_what_an_error_quotes_as_text(monkeypatch, capsys):
    def fail(*_arguments, **_options):
        raise ReceiverError(f"{HOSTILE} can't be opened.")

    monkeypatch.setattr(click.Group, "invoke", fail)
    assert main(["verify"], standalone_mode=False) == 1
    said = capsys.readouterr().err
    assert "KIM\\u009b31m" in said
    assert not OBEYED & set(said)


def test_text_is_shown_as_it_is_where_nothing_in_it_is_obeyed():
    assert make_visible("Zoë 7\u202f% of a\tb\nc") == "Zoë 7\u202f% of a\tb\nc"
    assert make_visible("\x00\U000e0041") == "\\u0000\\U000e0041"
    assert make_visible("ann\ufe00\u3164\xad") == "ann\\ufe00\\u3164\\u00ad"
