"""The made-up organization of GitHub: its history as an archive, and the demonstration of it."""

import json
import sys

import pytest
import urllib3
from click.testing import CliRunner

from analytics import connect
from receiver.commands.simulate import simulate
from tests.support.prepared import run_program
from tests.support.processes import Process, environment
from tests.support.waiting import until

END = "2026-11-28T17:00:00Z"
RULES = {
    "github_admin_added",
    "github_branch_protection_weakened",
    "github_default_branch_force_pushed",
    "github_key_or_app_added",
    "github_member_added_outside_hours",
    "github_repository_made_public",
    "github_secret_alert_dismissed",
}


def write_history(path, *options):
    arguments = ["--sender", "github", "--archive", str(path), "--days", "3", "--end", END, "--quiet", *options]
    result = CliRunner().invoke(simulate, arguments, env={"CLC_SECRET_GITHUB": "0123456789abcdef0123456789abcdef"})
    assert result.exit_code == 0, result.output
    return path.read_bytes()


def test_the_same_seed_gives_the_organization_the_same_history(tmp_path):
    first, second = (write_history(tmp_path / name) for name in ("first.jsonl", "second.jsonl"))
    assert first == second
    assert first.count(b"\n") > 500
    owners = {
        json.loads(json.loads(line)["body"])["organization"]["login"]
        for seed in ("1", "2")
        for line in write_history(tmp_path / seed, "--seed", seed).splitlines()
    }
    assert owners == {"Larkspur-Tools", "Fernhill-Labs"}


def test_a_sender_without_a_made_up_history_is_told_so(tmp_path):
    arguments = ["--sender", "stripe", "--archive", str(tmp_path / "none.jsonl"), "--days", "3"]
    result = CliRunner().invoke(simulate, arguments)
    assert result.exit_code == 2
    assert "Stripe has no made-up history" in result.output


@pytest.mark.full
@pytest.mark.slow
def test_the_demonstration_of_github_has_a_history_that_each_rule_finds_a_few_things_in(tmp_path, monkeypatch):
    data_dir = tmp_path / "shown"
    monkeypatch.setenv("CLC_DATA_DIR", str(data_dir))
    command = [sys.executable, "-m", "receiver", "demo", "--sender", "github", "--no-browser", "--rate", "5"]
    demo = Process([*command, "--data-dir", str(data_dir)], environment(tmp_path), cwd=tmp_path)
    try:
        query = demo.until_logged(r"Query service\s+(http://\S+)/query")[1]
        dashboard = demo.until_logged(r"Dashboard\s+(http://\S+)")[1]
        assert urllib3.request("GET", dashboard).status == 200
        with connect(query) as client:
            ask = """SELECT count(*) AS n, count(*) FILTER (
                sender = 'github' AND signature_status = 'valid' AND duplicate_of IS NULL) AS good FROM notifications"""
            (first,) = client.sql(ask).to_pylist()
            assert first["n"] > 5000
            assert first["good"] == first["n"]
            until(lambda: client.sql(ask).to_pylist()[0]["n"] > first["n"], what="live notifications")
        ask_rules = ("findings", "--since", "31d", "--json", "--location", query)
        found = run_program("analytics", *ask_rules, env=environment(data_dir), cwd=data_dir)
        rules = [json.loads(line)["rule"] for line in found.stdout.splitlines()]
        assert set(rules) == RULES
        assert all(rules.count(rule) <= 4 for rule in RULES)
        week = run_program("analytics", *ask_rules[:2], "7d", *ask_rules[3:], env=environment(data_dir), cwd=data_dir)
        assert len(week.stdout.splitlines()) <= 10
    finally:
        code = demo.stop()
    assert code == 0, demo.log
    assert "nothing of it is running" in demo.log
