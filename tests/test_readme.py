"""README can't drift: settings, commands, routes, columns and codes in it are those of the code."""

import re
from datetime import timedelta
from pathlib import Path

import click
import pytest

from analytics import connect
from analytics.cli import command as analytics_command
from analytics.findings import find
from analytics.rule_files import RuleSet, load_rules
from analytics.settings import Settings as ReadingSettings
from receiver.cli import main as receiver_command
from receiver.events import EVENTS, ROUTE_CATEGORIES
from receiver.listener.metrics import REGISTRY as LISTENER
from receiver.query.metrics import QueryMetrics
from receiver.settings import Settings, read_settings
from receiver.store.database import open_database, run
from receiver.store.loop import AppendLoop
from receiver.store.metrics import store_metrics
from receiver.store.status import StatusKeeper, StatusMetrics
from tests.stored import Received, store_of

README = (Path(__file__).parent.parent / "README.md").read_text("utf-8")
TABLES_WITH_COLUMNS = ["underived", "notifications", "rejected", "changes", "entities", "accounts"]


def section(title):
    return re.search(rf"^##+ {title}\n(.*?)(?=^##+ |\Z)", README, re.DOTALL | re.MULTILINE)[1]


def first_cells(text):
    """The text between the first pair of backticks of each table row."""
    return re.findall(r"^\| `([^`]+)`", text, re.MULTILINE)


def shown(default):
    if default is None:
        return None
    return f"{default:g}" if isinstance(default, float) else str(default)


def test_every_setting_is_documented_with_its_default_and_no_other_is():
    rows = dict(re.findall(r"^\| `(CLC_\w+)` \| (.+?) \|", section("Settings"), re.MULTILINE))
    fields = Settings.model_fields | {
        name: field for name, field in ReadingSettings.model_fields.items() if name not in Settings.model_fields
    }
    assert list(rows) == [f"CLC_{name.upper()}" for name in fields]
    defaults = {f"CLC_{name.upper()}": shown(field.default) for name, field in fields.items()}
    words = {"CLC_SPOOL_DIR", "CLC_QUERY_TOKEN", "CLC_PUBLIC_KEY", "CLC_ACCOUNTS", "CLC_TLS_CERT", "CLC_TLS_KEY"}
    words |= {"CLC_TRUSTED_PROXIES", "CLC_URL_SECRET", "CLC_BACKUP_EVERY", "CLC_RULES", "CLC_DASHBOARD_HOSTS"}
    for name, cell in rows.items():
        if name not in words:
            assert cell == f"`{defaults[name]}`"


def commands_of(group):
    context = click.Context(group)
    return {name: group.get_command(context, name) for name in group.list_commands(context)}


def test_every_command_is_documented_and_no_other_is():
    commands = {f"clc-receiver {name}" for name in commands_of(receiver_command)}
    commands |= {f"clc-analytics {name}" for name in commands_of(analytics_command)}
    assert set(first_cells(section("Commands"))) == commands


@pytest.mark.parametrize("group", [receiver_command, analytics_command], ids=lambda group: group.name)
def test_every_command_and_option_has_a_help_text(group):
    for command in commands_of(group).values():
        assert command.help
        for option in command.params:
            if isinstance(option, click.Option):
                assert option.help, f"{command.name} {option.name}"


def test_options_in_the_examples_exist():
    options = set(re.findall(r"clc-(receiver|analytics) (\w+)[^\n`]*?(--[a-z-]+)", README))
    groups = {"receiver": receiver_command, "analytics": analytics_command}
    for program, name, option in options:
        known = {text for param in commands_of(groups[program])[name].params for text in param.opts}
        assert option in known | {"--help"}, (name, option)


def test_every_event_has_its_url_and_every_sample_route_is_named():
    part = section("Point a sender at it")
    assert first_cells(part)[: len(EVENTS)] == [event.event_type for event in EVENTS]
    assert all(f"/webhooks/{event.event_type}`" in part for event in EVENTS)
    assert all(f"`{route}`" in part for route in ROUTE_CATEGORIES)


def test_every_refusal_is_documented():
    sources = Path(__file__).parent.parent / "receiver"
    code = "".join(path.read_text() for path in [*sources.glob("*.py"), *(sources / "listener").glob("*.py")])
    codes = r'"(\w+_json|not_an_object|unknown_event|too_large|\w+_not_allowed|\w+_unavailable|internal_error)"'
    used = set(re.findall(codes, code))
    documented = set(re.findall(r"^\| \d{3} \| `(\w+)`", section("What the receiver answers"), re.MULTILINE))
    assert used | {"signature_missing", "signature_invalid"} == documented


def families(registry):
    suffixes = {"counter": "_total", "info": "_info"}
    return {family.name + suffixes.get(family.type, "") for family in registry.collect()}


def test_every_metric_is_documented_and_no_other_is(tmp_path):
    store = open_database(tmp_path / "clc.duckdb")
    loop = AppendLoop(store, tmp_path / "spool", 10, on_fatal=lambda: None, data_dir=tmp_path)
    registry = store_metrics(loop, tmp_path)
    registry.register(StatusMetrics(StatusKeeper(read_settings(data_dir=tmp_path), store, loop.condition)))
    QueryMetrics(registry)
    assert set(first_cells(section("Metrics"))) == families(LISTENER) | families(registry)
    store.close()


def test_tables_and_columns_are_those_of_the_store(tmp_path):
    store = open_database(tmp_path / "clc.duckdb")
    part = section("Tables and columns")
    for table in TABLES_WITH_COLUMNS:
        text = re.search(rf"^`{table}`:.*?(?=^`\w+`|\Z)", part, re.DOTALL | re.MULTILINE)[0]
        documented = re.findall(r"^\| `(\w+)` \| `([^`]+)`", text, re.MULTILINE)
        columns = run(store, "SELECT column_name, data_type FROM duckdb_columns() WHERE table_name = ?", [table])
        assert documented == [(name, kind.replace("TIMESTAMP WITH TIME ZONE", "TIMESTAMPTZ")) for name, kind in columns]
    names = {name for (name,) in run(store, "SELECT table_name FROM duckdb_tables() UNION SELECT view_name FROM "
                                            "duckdb_views() WHERE NOT internal")}  # fmt: skip
    own = re.search(r".*are the store's own\.$", part, re.MULTILINE)[0]
    assert names == set(re.findall(r"^`(\w+)`", part, re.MULTILINE)) | set(re.findall(r"`(\w+)`", own))
    store.close()


@pytest.mark.parametrize("query", re.findall(r"```sql\n(?!/\*)(.*?);?\n```", README, re.DOTALL))
def test_the_sql_examples_run(tmp_path, query):
    store = open_database(tmp_path / "clc.duckdb")
    run(store, query)
    store.close()


def test_the_example_of_a_rule_finds_what_it_says(tmp_path):
    (tmp_path / "server_became_big.sql").write_text(re.search(r"```sql\n(/\*.*?)\n```", README, re.DOTALL)[1])
    rules = load_rules(tmp_path)
    assert rules.problems == []
    (rule,) = [rule for rule in rules.rules if rule.name == "server_became_big"]
    for number, example in enumerate([*rule.fires, *rule.silent]):
        (tmp_path / f"{number}").mkdir()
        received = [Received(*each) for each in example.all_notifications()]
        with connect(str(store_of(tmp_path / f"{number}", received))) as client:
            found = find(
                client, received[0].received_at, received[-1].received_at + timedelta(days=1), rules=RuleSet([rule], [])
            )
        assert [f"{each.severity} {each.entity_id}: {each.sentence}" for each in found.findings] == list(
            getattr(example, "expected", [])
        )
