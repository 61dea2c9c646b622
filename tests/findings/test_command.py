"""`clc-analytics findings`."""

import json
import signal
import subprocess
import sys
from hashlib import sha256

import click
import pytest

from analytics.cli import run
from analytics.commands.findings import parse_moment
from tests.findings.history import DAY, HEADER, HOUR, NOON, SELECT, user
from tests.support.dropping import drop_before
from tests.support.stored import Received, store_of

STOPPED = """
import signal
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from analytics import cli

def run():
    with ThreadPoolExecutor() as pool:
        pool.submit(Event().wait)
        signal.raise_signal(signal.SIGTERM)

cli.PATIENCE_SECONDS, cli.run = 0.1, run
cli.main()
"""


@pytest.fixture
def findings(store, capfdbinary):
    def ask(*arguments, location=store):
        span = () if "--since" in arguments else ("--since", "2026-03-03T12:00Z", "--until", "2026-03-04T12:00Z")
        code = run(["findings", "--location", location, *span, *arguments])
        out, err = capfdbinary.readouterr()
        return code, out.decode(), err.decode()

    return ask


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("24h", NOON - DAY),
        ("7d", NOON - 7 * DAY),
        ("90 min", NOON - 1.5 * HOUR),
        ("30m", NOON - HOUR / 2),
        ("2W", NOON - 14 * DAY),
        ("2026-03-04", NOON - 12 * HOUR),
        ("2026-03-04T11:00", NOON - HOUR),
        ("2026-03-04 12:00:00+01:00", NOON - HOUR),
    ],
)
def test_a_moment_is_an_age_or_a_time(text, expected):
    assert parse_moment(text, NOON) == expected


@pytest.mark.parametrize("text", ["", "24", "h", "-1h", "yesterday", "999999999w", "2026-13-01"])
def test_what_is_no_moment_is_refused(text):
    with pytest.raises(ValueError, match=r".*"):
        parse_moment(text, NOON)


def test_findings_are_lines_of_time_severity_title_and_sentence_and_the_exit_code_is_1(findings):
    code, out, err = findings()
    assert code == 1
    first, *_, last = out.splitlines()
    assert first == "2026-03-03 12:00:00Z  LOW     User created: KIM was created in ACME."
    assert last == (
        "2026-03-04 11:30:00Z  LOW     Hidden update of a user: KIM in ACME was updated, but no visible field "
        "changed: perhaps the password, PIN, title or telephone number."
    )
    assert err == "4 findings: 1 medium, 3 low.\n"


def test_what_came_from_outside_stays_in_its_line(findings):
    _, out, _ = findings("--rule", "user_created", "--account", "brix")
    assert len(out.splitlines()) == 1
    assert "\\u202e" in out
    assert "\u202e" not in out


def test_no_findings_are_exit_code_0(findings):
    assert findings("--account", "acme", "--severity", "high") == (0, "", "No findings.\n")


def test_an_account_that_nothing_stored_names_is_told(findings):
    told = "Nothing that is stored names an account NONE.\n"
    assert findings("--account", "none") == (0, "", f"{told}No findings.\n")
    code, out, err = findings("--account", "none", "--account", "acme")
    assert (code, len(out.splitlines()), err) == (1, 2, f"{told}2 findings: 2 low.\n")


def test_a_time_that_begins_before_the_store_is_complete_lacks_findings_and_says_so(findings, tmp_path):
    file = store_of(tmp_path / "store", [Received("User.Created", NOON - days * DAY, user("kim")) for days in (3, 1)])
    drop_before(file, NOON - 2 * DAY)
    told = "Of months before 2026-03-02 12:00:00 UTC, only the last state of each entity is here, so findings"
    assert told in findings("--since", "2026-03-02T11:00Z", location=str(file))[2]
    assert "missing" not in findings("--since", "2026-03-02T12:00Z", location=str(file))[2]


def test_findings_are_chosen_by_severity_account_and_rule(findings):
    def rules(*options):
        return [json.loads(line)["rule"] for line in findings("--json", *options)[1].splitlines()]

    everything = ["user_created", "user_created", "many_servers_deleted", "hidden_user_update"]
    assert rules() == everything
    assert rules("--severity", "low") == everything
    assert rules("--severity", "medium") == ["many_servers_deleted"]
    assert rules("--severity", "high") == []
    assert rules("--account", "acme") == ["user_created", "hidden_user_update"]
    assert rules("--account", "acme", "--account", "BRIX") == everything
    assert rules("--rule", "user_created", "--rule", "hidden_user_update") == [
        "user_created",
        "user_created",
        "hidden_user_update",
    ]


def test_a_finding_about_servers_of_two_accounts_is_chosen_by_each_of_them(tmp_path, findings):
    def server(alias, number, **fields):
        return {"name": f"WA1{alias}WEB{number}", "links": [{"rel": "account", "id": alias}], **fields}

    def queue(minute, alias, number):
        change = {"modifiedBy": "eve", "modifiedDate": (NOON - HOUR + minute * HOUR / 60).isoformat()}
        return server(alias, number, status="queuedForDelete", changeInfo=change)

    names = [("yyb1", 1), *(("yyb2", number) for number in range(1, 7))]
    received = [
        *(Received("Server.Created", NOON - DAY, json.dumps(server(*name, status="active"))) for name in names),
        *(
            Received("Server.Updated", NOON - HOUR + minute * HOUR / 60, json.dumps(queue(minute, *name)))
            for minute, name in enumerate(names)
        ),
    ]
    location = str(store_of(tmp_path, received))

    def accounts_of(*options):
        _, out, _ = findings("--json", "--rule", "many_servers_deleted", *options, location=location)
        return [(row["account_alias"], row["other_accounts"]) for row in map(json.loads, out.splitlines())]

    both = [("YYB1", ["YYB2"])]
    assert accounts_of() == accounts_of("--account", "yyb1") == accounts_of("--account", "yyb2") == both
    assert accounts_of("--account", "yyb1", "--account", "yyb2") == both
    assert accounts_of("--account", "yyb3") == []


def test_json_lines_hold_all_fields(findings):
    _, out, _ = findings("--json", "--severity", "medium")
    [line] = out.splitlines()
    fields = json.loads(line)
    ids = fields.pop("notification_ids")
    assert len(ids) == 5
    assert fields == {
        "id": sha256(f"many_servers_deleted{ids[0]}".encode()).hexdigest(),
        "rule": "many_servers_deleted",
        "title": "Many servers deleted",
        "severity": "medium",
        "found_at": "2026-03-04T11:04:00+00:00",
        "category": "Account",
        "entity_id": "BRIX",
        "account_alias": "BRIX",
        "actor": None,
        "sentence": "5 servers of BRIX were deleted within 4 min: WA1BRIXWEB01, WA1BRIXWEB02, WA1BRIXWEB03 and 2 more.",
        "reason": "no notification of the 7 days before each deletion names the actor",
        "sender": "centurylink",
        "doubted": [],
        "stored_after": None,
        "other_accounts": [],
        "count": 1,
        "last_at": "2026-03-04T11:04:00+00:00",
    }


def test_findings_win_over_a_rule_that_can_not_be_used_which_else_is_exit_code_2(findings, own, monkeypatch):
    monkeypatch.setenv("CLC_RULES", str(own("bad.sql", "SELECT 1")))
    code, out, err = findings()
    assert (code, len(out.splitlines())) == (1, 4)
    assert err.startswith("Rule not used: ")
    assert "bad.sql, line 1: A rule opens with a comment" in err
    code, out, err = findings("--account", "NONE")
    assert (code, out) == (2, "")
    assert findings("--rule", "bad")[0] == 2


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--rule", "nix"], "There is no rule 'nix', only event_contradicts_body, "),
        (["--since", "soon"], "'soon' is not a valid time (an age like 24h or 7d, or a time like 2026-03-04T09:00Z)."),
        (["--since", "1h", "--until", "2h"], "1h is not before --until: give an earlier --since."),
        (["--severity", "urgent"], "'urgent' is not one of 'high', 'medium', 'low'."),
        (["--location", "nowhere.duckdb"], "Error: 'nowhere.duckdb' is no file;"),
        (["--location", "http://127.0.0.1:9"], "Error: No receiver answers at http://127.0.0.1:9;"),
    ],
)
def test_wrong_usage_and_no_answer_are_exit_code_2(findings, arguments, says):
    code, out, err = findings(*arguments)
    assert (code, out) == (2, "")
    assert says in err


def test_a_broken_rule_is_named_whatever_the_case_of_its_suffix(findings, own, monkeypatch):
    monkeypatch.setenv("CLC_RULES", str(own("bad.SQL", "SELECT 1")))
    code, _, err = findings("--rule", "bad")
    assert code == 2
    assert "Rule not used: " in err


@pytest.mark.parametrize(("name", "said"), [("README.md", "none"), ("mine.sql", "1")])
def test_a_check_says_how_many_rules_are_ones_own(own, monkeypatch, capfd, name, said):
    directory = own(name, f"/*\n{HEADER}*/{SELECT}")
    monkeypatch.setenv("CLC_RULES", str(directory))
    assert run(["check", "--offline"]) == 0
    assert f"rules, {said} of them from {directory}; not tried" in capfd.readouterr().out


def test_a_wrong_setting_is_exit_code_2(findings, monkeypatch):
    monkeypatch.setenv("CLC_WORKING_HOURS", "always")
    code, out, err = findings()
    assert (code, out) == (2, "")
    assert err == "Error: CLC_WORKING_HOURS is 'always'; it must be days and times of day, like Mon-Fri 08:00-18:00.\n"


def test_the_help_text_says_what_the_exit_codes_mean(capsys):
    assert run(["findings", "--help"]) == 0
    text = click.unstyle(capsys.readouterr().out)
    assert "  0  no findings\n    1  findings, whatever else\n    2  wrong usage" in text


def test_sigterm_ends_a_command_whose_rules_wait_for_a_store_that_hangs():
    assert subprocess.run([sys.executable, "-c", STOPPED], timeout=60, check=False).returncode == -signal.SIGTERM
