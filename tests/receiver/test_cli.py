"""The command line: what is wrong is named, with what was probably meant."""

import ctypes
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import click
import duckdb
import pytest
from click.testing import CliRunner

from analytics.cli import command as analytics_command
from analytics.findings.rule_files import load_rules
from analytics.senders import list_sql_files
from receiver import cli
from tests.receiver.senders.profile.profiles import MINIMAL
from tests.support.ports import free_address
from tests.support.prepared import run_program, run_program_on_full_disk
from tests.support.processes import PreparedReceiver, environment, running
from tests.support.sizes import take_few

# Numbers of Linux: prctl(2), capabilities(7).
DROP_CAPABILITY, READ_ANY_FILE = 24, (1, 2)

LONG = "x" * 300
GITHUB = Path(cli.__file__).parent / "senders" / "github" / "profile.toml"


def command(module, *arguments, data_dir, **settings):
    return run_program(module, *arguments, env=environment(data_dir, **settings), cwd=data_dir)


def address_of(url):
    return url.removeprefix("http://")


@pytest.mark.parametrize(
    ("group", "arguments"),
    [(cli.main, ["senders", "check", str(GITHUB)]), (analytics_command, ["check", "--offline"])],
    ids=["receiver", "analytics"],
)
def test_no_color_takes_the_colours_away_that_a_terminal_has(monkeypatch, group, arguments):
    for value, has_colours in (("", True), ("1", False)):
        monkeypatch.setenv("NO_COLOR", value)
        assert ("\x1b" in CliRunner().invoke(group, arguments, color=True).output) is has_colours


@pytest.mark.parametrize(
    ("module", "typed", "meant"), take_few([("receiver", "stats", "status"), ("analytics", "tial", "tail")], 1)
)
def test_an_unknown_command_suggests_a_known_one(tmp_path, module, typed, meant):
    done = command(module, typed, data_dir=tmp_path)
    assert done.returncode == 2
    assert f"Error: No such command '{typed}'. Did you mean '{meant}'?" in done.stderr


IMPORTING = """
import runpy, signal, sys

class Interrupt:
    def find_spec(self, name, *_):
        if name == "click":
            signal.raise_signal(signal.SIGINT)

signal.signal(signal.SIGINT, signal.default_int_handler)
sys.meta_path.insert(0, Interrupt())
runpy.run_module(sys.argv[1], run_name="__main__")
"""


@pytest.mark.parametrize("module", ["receiver", "analytics"])
def test_ctrl_c_while_a_command_starts_prints_no_traceback(module):
    done = subprocess.run([sys.executable, "-c", IMPORTING, module], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (-signal.SIGINT, "", "")


@click.command
def long():
    threading.Timer(0.3, os.kill, [os.getpid(), signal.SIGINT]).start()
    duckdb.sql("SELECT count(*) FROM range(100000000000)").fetchall()


@pytest.mark.full
def test_ctrl_c_while_duckdb_runs_a_query_ends_a_command_with_one_line(monkeypatch):
    monkeypatch.setitem(cli._COMMANDS, "long", f"{__name__}:long")
    monkeypatch.setattr(cli, "restrict", lambda: None)  # the files of other tests keep their modes
    done = CliRunner().invoke(cli.main, ["long"])
    assert (done.exit_code, done.output.strip()) == (1, "Aborted!")


@pytest.mark.parametrize(
    ("module", "arguments"),
    take_few([("receiver", ["backup"]), ("analytics", ["sql", "SELECT 1"]), ("receiver", ["nothing"])], 1),
)
def test_every_error_begins_with_the_same_word(tmp_path, module, arguments):
    done = command(module, *arguments, data_dir=tmp_path)
    assert done.returncode
    assert done.stderr.splitlines()[-1].startswith("Error: ")


@pytest.mark.parametrize(
    ("module", "arguments"), take_few([("receiver", ["status"]), ("analytics", ["sql", "SELECT 1"])], 1)
)
def test_a_variable_that_is_no_setting_is_a_warning_of_every_command(tmp_path, module, arguments):
    done = command(module, *arguments, data_dir=tmp_path, CLC_TIMEZONE="Europe/Berlin")
    expected = "Warning: CLC_TIMEZONE is no setting and is ignored; did you mean CLC_TIME_ZONE?"
    assert done.stderr.splitlines()[0] == expected


@pytest.mark.parametrize(
    ("module", "arguments", "code"),
    take_few(
        [
            ("receiver", ["status"], 2),
            ("analytics", ["sql", "SELECT 1"], 1),
            ("receiver", ["check"], 2),
            ("receiver", ["senders"], 2),
            ("analytics", ["check"], 1),
            ("analytics", ["findings"], 2),
        ],
        1,
    ),
)
def test_a_dot_env_file_that_is_not_utf_8_is_one_line_and_the_exit_code_of_no_answer(tmp_path, module, arguments, code):
    (tmp_path / ".env").write_bytes("# für alle\n".encode("latin-1"))
    done = command(module, *arguments, data_dir=tmp_path)
    sentence = f"{tmp_path / '.env'} can't be read: line 1 is not UTF-8; save it as UTF-8."
    assert (done.returncode, done.stdout, done.stderr) == (code, "", f"Error: {sentence}\n")


@pytest.mark.parametrize(
    ("module", "arguments"),
    take_few(
        [
            ("receiver", ["status"]),
            ("analytics", ["check", "--offline"]),
            ("receiver", ["--help"]),
            ("receiver", ["--version"]),
            ("receiver", ["status", "--json"]),
            ("receiver", ["check"]),
            ("receiver", ["senders"]),
            ("analytics", ["--help"]),
        ],
        2,
    ),
)
def test_output_that_can_not_be_written_is_one_line(tmp_path, module, arguments):
    done = run_program_on_full_disk(module, *arguments, env=environment(tmp_path), cwd=tmp_path)
    sentence = "Error: Standard output can't be written: No space left on device.\n"
    assert (done.returncode, done.stderr) == (1, sentence)


def give_away(directory):
    """Make a directory that nobody but its owner may enter, and return what lets a child process be another user."""
    if os.getuid():
        directory.chmod(0)
        return None
    os.chown(directory, 12_345, 12_345)
    directory.chmod(0o700)
    control = ctypes.CDLL(None).prctl
    return lambda: [control(DROP_CAPABILITY, each, 0, 0, 0) for each in READ_ANY_FILE]


@pytest.mark.skipif(
    sys.platform != "linux" and not os.getuid(), reason="root may read all, and only Linux can forbid it"
)
@pytest.mark.parametrize("name", take_few(["status", "backup", "verify", "check", "rebuild", "upgrade"], 1))
def test_a_data_directory_of_another_user_is_one_line(tmp_path, name):
    data_dir = tmp_path / "data"
    data_dir.mkdir()
    become_another = give_away(data_dir)
    arguments = [name, str(tmp_path / "copy.duckdb")] if name == "backup" else [name]
    done = subprocess.run(
        [sys.executable, "-m", "receiver", *arguments], env=environment(data_dir), cwd=tmp_path,
        preexec_fn=become_another, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "ermission denied" in done.stdout + done.stderr or "can't be written" in done.stdout
    assert "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) <= 1


@pytest.mark.full
@pytest.mark.skipif(
    sys.platform != "linux" and not os.getuid(), reason="root may read all, and only Linux can forbid it"
)
@pytest.mark.parametrize(("variable", "subject"), [("CLC_DATA_DIR", "Data directory"), ("CLC_SPOOL_DIR", "Spool")])
def test_check_goes_on_after_a_directory_of_another_user(tmp_path, variable, subject):
    others = tmp_path / "others"
    others.mkdir()
    become_another = give_away(others)
    settings = {**environment(tmp_path / "data"), variable: str(others / "here")}
    done = subprocess.run(
        [sys.executable, "-m", "receiver", "check"], env=settings, cwd=tmp_path,
        preexec_fn=become_another, capture_output=True, text=True, check=False,
    )  # fmt: skip
    said = f"{others / 'here'} can't be used (Permission denied): set {variable} to another."
    assert (done.returncode, done.stderr) == (1, "")
    assert f"WRONG  {subject:15} {said}\n" in done.stdout
    assert "Query service" in done.stdout
    assert "rules" in done.stdout.lower()


@pytest.mark.parametrize(
    ("module", "arguments", "variable"),
    take_few(
        [
            ("receiver", ["check"], "CLC_SENDERS"),
            ("receiver", ["restore", LONG], None),
            ("analytics", ["sql", "SELECT 1", "--location", LONG], None),
            ("receiver", ["check"], "CLC_DATA_DIR"),
            ("receiver", ["check"], "CLC_RULES"),
            ("receiver", ["senders"], "CLC_SECRETS_DIR"),
            ("receiver", ["status", "--data-dir", LONG], None),
            ("receiver", ["verify", "--data-dir", LONG], None),
            ("receiver", ["serve", "--check"], "CLC_SENDERS"),
            ("analytics", ["check", "--offline"], "CLC_RULES"),
            ("analytics", ["export", "-o", f"{LONG}.jsonl"], None),
        ],
        1,
    ),
)
def test_a_path_that_is_too_long_is_told_in_a_sentence(tmp_path, module, arguments, variable):
    settings = {variable: LONG} if variable else {}
    done = command(module, *arguments, data_dir=tmp_path, **settings)
    assert done.returncode in {1, 2}
    assert "Traceback" not in done.stderr
    lines = [line for line in (done.stdout + done.stderr).splitlines() if LONG in line]
    assert lines
    assert all(line.startswith(("Error: ", "WRONG  ")) for line in lines)


@pytest.mark.full
def test_a_directory_is_no_backup(tmp_path):
    done = command("receiver", "restore", str(tmp_path), data_dir=tmp_path)
    assert (done.returncode, done.stderr.splitlines()[-1]) == (
        2, f"Error: Invalid value for FILE: {tmp_path} is a directory: name the backup in it.",
    )  # fmt: skip


@pytest.mark.parametrize("command", [["backup"], ["restore"], ["senders", "check"]])
def test_a_file_without_a_name_is_refused(command):
    done = CliRunner().invoke(cli.main, [*command, ""])
    assert (done.exit_code, done.output.endswith(": it is empty: name a path.\n")) == (2, True)


@pytest.mark.full
def test_a_missing_token_file_is_said_as_such(tmp_path):
    with running(PreparedReceiver, tmp_path / "data") as receiver:
        elsewhere = tmp_path / "elsewhere"
        elsewhere.mkdir()
        asked = command(
            "analytics", "sql", "SELECT 1", data_dir=elsewhere, CLC_QUERY_LISTEN=address_of(receiver.query_url)
        )
    assert asked.returncode == 1
    assert f"The query service wants a token, and there is no file {elsewhere / 'query.token'}" in asked.stderr


def test_a_figure_that_is_not_known_is_never_ok(tmp_path):
    done = command("receiver", "status", data_dir=tmp_path)
    lines = [line for line in done.stdout.splitlines() if "not known" in line]
    assert lines
    assert all(line.startswith("amber") for line in lines)


def check(data_dir, **settings):
    return command("receiver", "check", data_dir=data_dir, **settings)


def states_in(checked):
    """The subjects of `clc-receiver check`, with the state of each."""
    return {line[7:22].strip(): line[:5].strip() for line in checked.stdout.splitlines()}


def test_a_check_says_that_all_can_be_used_and_makes_nothing(tmp_path):
    checked = check(tmp_path, CLC_DATA_DIR=str(tmp_path / "data"), CLC_ZZZZ="1")
    assert checked.returncode == 0, checked.stdout
    assert checked.stderr == "Warning: CLC_ZZZZ is no setting and is ignored.\n"
    assert set(states_in(checked).values()) == {"ok"}
    assert f"{tmp_path / 'data'}, " in checked.stdout
    assert list(tmp_path.iterdir()) == []


def test_a_check_names_what_is_wrong_and_looks_at_the_rest_all_the_same(tmp_path):
    rules = tmp_path / "rules"
    rules.mkdir()
    (rules / "broken.sql").write_text("SELECT 1")
    (tmp_path / "file").touch()
    with running(PreparedReceiver, tmp_path / "data") as receiver:
        checked = check(
            tmp_path,
            CLC_SPOOL_DIR=str(tmp_path / "file"),
            CLC_PUBLIC_KEY=str(tmp_path / "none.pem"),
            CLC_LISTEN=address_of(receiver.url),
            CLC_RULES=str(rules),
        )
    states = states_in(checked)
    assert checked.returncode == 1
    wrong = {subject for subject, state in states.items() if state == "WRONG"}
    assert wrong == {"Spool", "Public key", "Listener", "Audit rule"}
    assert {"Settings", "Data directory", "TLS", "Query service", "Working hours", "Audit rules"} <= set(states)


@pytest.mark.full
def test_a_check_names_the_senders_that_serve_would_take_and_a_secret_that_it_would_refuse(tmp_path):
    for name in ("acme", "other"):
        profile = MINIMAL.replace('"example"', f'"{name}"').replace('"none"', '"token"\nheader = "X"')
        (tmp_path / f"{name}.toml").write_text(profile)
    address = free_address()
    settings = {"CLC_SENDERS": str(tmp_path), "CLC_LISTEN": address}
    checked = check(tmp_path, **settings, CLC_SECRET_ACME="a secret for tests alone")
    assert checked.returncode == 0, checked.stdout
    assert f"acme is taken at http://{address}/senders/acme\n" in checked.stdout
    assert "note   Sender          other is not taken: set CLC_SECRET_OTHER\n" in checked.stdout
    checked = check(tmp_path, **settings, CLC_SECRET_ACME="short")
    assert (checked.returncode, states_in(checked)["Sender"]) == (1, "WRONG")
    assert "CLC_SECRET_ACME can't be used: " in checked.stdout


@pytest.mark.full
def test_the_ports_of_the_running_serve_can_be_used(tmp_path):
    with running(PreparedReceiver, tmp_path) as receiver:
        otherwise = address_of(receiver.url).replace("127.0.0.1", "127.1")
        checked = check(tmp_path, CLC_LISTEN=otherwise, CLC_QUERY_LISTEN=address_of(receiver.query_url))
    assert checked.returncode == 0, checked.stdout
    assert checked.stdout.count("used by the running serve") == 2


@pytest.mark.full
def test_a_running_serve_tries_each_rule_on_its_tables_and_names_one_that_can_not_run(tmp_path):
    rules = tmp_path / "rules"
    rules.mkdir()
    shipped = next(file for file in list_sql_files("rules") if file.name == "user_created.sql").read_text(
        encoding="utf-8"
    )
    (rules / "own.sql").write_text(shipped.replace("account_alias", "acount_alias"))
    settings = {"CLC_RULES": str(rules)}
    assert "not tried on the tables" in check(tmp_path, **settings).stdout
    with running(PreparedReceiver, tmp_path) as receiver:
        addresses = {"CLC_LISTEN": address_of(receiver.url), "CLC_QUERY_LISTEN": address_of(receiver.query_url)}
        checked = check(tmp_path, **settings, **addresses)
    assert (checked.returncode, states_in(checked)["Audit rule"]) == (1, "WRONG")
    assert "own.sql, line " in checked.stdout
    assert f"{len(load_rules().rules)} rules, none of them from {rules}" in checked.stdout
