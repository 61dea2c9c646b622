"""README and docs/ can't drift: settings, commands, routes, columns and codes in them are those of the code.

Links, paths and names in them lead to something, too.
"""

import ast
import pkgutil
import re
import subprocess
from datetime import timedelta
from http import HTTPStatus
from pathlib import Path

import click
import pytest

from analytics import connect
from analytics.cli import command as analytics_command
from analytics.findings.rule_files import RuleSet, load_rules
from analytics.findings.running import find
from analytics.settings import Settings as ReadingSettings
from receiver.admission import Refusal
from receiver.cli import main as receiver_command
from receiver.database.opening import run
from receiver.keeping.care.limits import LIMITS
from receiver.listener.metrics import REGISTRY as LISTENER
from receiver.senders.centurylink.events import EVENTS, ROUTE_CATEGORIES
from receiver.settings import Settings, read_settings
from receiver.spool import Shipped, ShipperMetrics, SpoolReader
from receiver.store.loop import AppendLoop
from receiver.store.query.answers import STATUSES
from receiver.store.query.runner import QueryMetrics
from receiver.store.status import StatusKeeper, StatusMetrics, make_store_metrics
from tests.support.database import open_database
from tests.support.stored import received_in, store_of

ROOT = Path(__file__).parent.parent
PAGES = {
    path.relative_to(ROOT).as_posix(): path.read_text("utf-8")
    for path in [ROOT / "README.md", *sorted((ROOT / "docs").glob("**/*.md"))]
}
TEXT = "\n".join(PAGES.values())
MOST_LINES_OF_README = 250
SHORT_HELP = 61
"""The most characters beside `accept-loss`, the longest name of a command, in a terminal of 80 columns."""
TABLES_WITH_COLUMNS = ["underived", "notifications", "rejected", "changes", "entities", "accounts", "senders"]
# Figures that are judged by no number.
JUDGED_OTHERWISE = {"serving", "store", "append_error", "query_listen", "key_fingerprint"} | {
    *("spool_unwritable", "certificate", "learned_accounts", "profiles_unusable", "secrets_unusable"),
}
UNITS = {"MiB": 2**20, "GiB": 2**30}


def section(title):
    """The text below a heading, up to the next one; no two headings have the same title."""
    (text,) = re.findall(rf"^##+ {title}\n(.*?)(?=^##+ |\Z)", TEXT, re.DOTALL | re.MULTILINE)
    return text


def without_code(text):
    return re.sub(r"`[^`\n]*`", "", re.sub(r"^```.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE))


def links(text):
    """The targets of all links and pictures that lead to files of this repository."""
    targets = re.findall(
        r"\]\(([^)]*)\)|^\[[^\]]+\]: (\S+)|(?:src|srcset|href)=\"([^\"]*)\"", without_code(text), re.MULTILINE
    )
    return [target for target in map("".join, targets) if not re.match(r"https?://", target)]


def anchors(text):
    """The anchors that GitHub gives a page's headings."""
    headings = re.findall(r"^#+ (.+)$", re.sub(r"^```.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE), re.MULTILINE)
    return [re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings]


def first_cells(text):
    """The text between the first pair of backticks of each table row."""
    return re.findall(r"^\| `([^`]+)`", text, re.MULTILINE)


def shown(default):
    if default is None:
        return None
    return f"{default:g}" if isinstance(default, float) else str(default)


def test_readme_fits_in_its_lines():
    assert len(PAGES["README.md"].splitlines()) <= MOST_LINES_OF_README


def test_readmes_commands_to_try_and_to_test_it_are_a_line_each_and_ci_runs_the_second_as_it_stands():
    blocks = re.findall(r"^## (?:Try|Test) it$.*?^```bash\n(.*?)^```$", PAGES["README.md"], re.DOTALL | re.MULTILINE)
    assert [block.count("\n") for block in blocks] == [1, 1]
    assert [block.split(" && ")[0] for block in blocks] == ["python3 -m venv .venv"] * 2
    (cut,) = re.findall(
        r"^(sed .* README\.md .*) > \"\$work/tests\.sh\"$", (ROOT / ".ci/run").read_text(), re.MULTILINE
    )
    ran = subprocess.run(["bash", "-c", cut], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    assert ran == blocks[1]


def test_readme_leads_to_every_page_of_the_documentation():
    assert {target.partition("#")[0] for target in links(PAGES["README.md"])} >= set(PAGES) - {"README.md"}


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_to_a_file_and_a_heading(page):
    for target in links(PAGES[page]):
        path, _, anchor = target.partition("#")
        file = (ROOT / page).parent / path if path else ROOT / page
        assert file.exists(), target
        assert not anchor or anchors(file.read_text("utf-8")).count(anchor) == 1, target


def test_every_path_in_this_repository_exists():
    paths = set(re.findall(r"(?<![\w./-])(?:receiver|analytics|notebooks|tests|docs)/[\w./-]*\w", TEXT))
    assert {path for path in paths if not (ROOT / path).exists()} == set()


def test_every_python_name_exists():
    for name in set(re.findall(r"\banalytics\.\w+\.\w+", TEXT)):
        pkgutil.resolve_name(name)


def test_every_setting_is_documented_with_its_default_and_no_other_is():
    rows = dict(re.findall(r"^\| `(CLC_\w+)` \| (.+?) \|", section("Settings"), re.MULTILINE))
    fields = Settings.model_fields | {
        name: field for name, field in ReadingSettings.model_fields.items() if name not in Settings.model_fields
    }
    assert list(rows) == [f"CLC_{name.upper()}" for name in fields]
    defaults = {f"CLC_{name.upper()}": shown(field.default) for name, field in fields.items()}
    words = {"CLC_SPOOL_DIR", "CLC_QUERY_TOKEN", "CLC_PUBLIC_KEY", "CLC_ACCOUNTS", "CLC_TLS_CERT", "CLC_TLS_KEY"}
    words |= {"CLC_TRUSTED_PROXIES", "CLC_URL_SECRET", "CLC_BACKUP_EVERY", "CLC_RULES", "CLC_DASHBOARD_HOSTS"}
    words |= {"CLC_SENDERS", "CLC_SECRETS_DIR", "CLC_SHARED_SPOOL", "CLC_OBJECTS", "CLC_KEEP", "CLC_QUERY_MEMORY"}
    for name, cell in rows.items():
        if name not in words:
            assert cell == f"`{defaults[name]}`"
    named = set(re.findall(r"\bCLC_[A-Z_]*[A-Z]", TEXT))
    assert {name for name in named if not name.startswith("CLC_SECRET") or name in rows} == set(rows)


def commands_of(group):
    context = click.Context(group)
    return {name: group.get_command(context, name) for name in group.list_commands(context)}


def test_every_command_is_documented_and_no_other_is():
    commands = {f"clc-receiver {name}" for name in commands_of(receiver_command)}
    commands |= {f"clc-analytics {name}" for name in commands_of(analytics_command)}
    assert set(first_cells(section("Commands"))) == commands
    assert set(re.findall(r"\bclc-(?:receiver|analytics) [a-z]+(?:-[a-z]+)*", TEXT)) == commands


@pytest.mark.parametrize("group", [receiver_command, analytics_command], ids=lambda group: group.name)
def test_every_command_and_option_has_a_help_text(group):
    for command in commands_of(group).values():
        assert command.help
        assert not command.get_short_help_str(SHORT_HELP).endswith("..."), f"{command.name} has no short_help"
        for option in command.params:
            if isinstance(option, click.Option):
                assert option.help, f"{command.name} {option.name}"


def test_options_in_the_examples_exist():
    examples = re.findall(r"clc-(receiver|analytics) (\w+) ([^\n`|#]*)", TEXT.replace("\\\n", " "))
    groups = {"receiver": receiver_command, "analytics": analytics_command}
    for program, name, rest in examples:
        known = {text for param in commands_of(groups[program])[name].params for text in param.opts}
        assert set(re.findall(r"(?<!\S)--?[a-z][a-z-]*", rest)) <= known | {"--help"}, (name, rest)


def test_every_event_has_its_url_and_every_sample_route_is_named():
    part = section("Target URLs")
    assert first_cells(part)[: len(EVENTS)] == [event.event_type for event in EVENTS]
    assert all(f"/webhooks/{event.event_type}`" in part for event in EVENTS)
    assert all(f"`{route}`" in part for route in ROUTE_CATEGORIES)


def documented_refusals(title):
    rows = re.findall(r"^\| (\d{3}) \| (`[^|]+`) \|", section(title), re.MULTILINE)
    return {(int(status), code) for status, codes in rows for code in re.findall(r"\w+", codes)}


def refusals_made(tree):
    """Status and code, as they are written, of each refusal that a module makes."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] == "Refusal":
            given = dict(zip(Refusal._fields, node.args, strict=False)) | {
                each.arg: each.value for each in node.keywords
            }
            yield ast.unparse(given["status"]), ast.unparse(given["code"])


def test_every_refusal_of_the_listener_is_documented_and_no_other_is():
    modules = [ast.parse(path.read_text("utf-8")) for path in (ROOT / "receiver").rglob("*.py")]
    made = {
        # A code that is computed is no literal, and so fails here.
        (HTTPStatus[status.removeprefix("HTTPStatus.")].value, ast.literal_eval(code))
        for module in modules
        for status, code in refusals_made(module)
    }
    assert documented_refusals("Answers") == made


def test_every_refusal_of_the_query_service_is_documented_and_no_other_is():
    assert documented_refusals("HTTP") == {(status, code) for code, status in STATUSES.items()}


def number(cell):
    """The number that a cell begins with, in bytes where its unit is one of bytes."""
    digits, unit = re.match(r"([\d.,]+) ?(\w*)", cell).groups()
    return float(digits.replace(",", "")) * UNITS.get(unit, 1)


def test_every_limit_of_health_is_documented_and_no_other_is():
    rows = re.findall(r"^\| `(\w+)` \|[^|]*\| ?([^|]*?) \| ?([^|]*?) \|$", section("Health"), re.MULTILINE)
    limits = {name: (number(amber or red), number(red)) for name, amber, red in rows if name not in JUDGED_OTHERWISE}
    assert limits == {name: (limit.amber, limit.red) for name, limit in LIMITS.items()}
    assert {name for name, _, _ in rows} == set(LIMITS) | JUDGED_OTHERWISE


def test_every_rule_is_documented_and_no_other_is():
    assert set(first_cells(section("Findings"))) == {rule.name for rule in load_rules().rules}


def test_every_notebook_is_documented_and_no_other_is():
    assert set(first_cells(section("Notebooks"))) == {path.name for path in (ROOT / "notebooks").glob("*.ipynb")}


def families(registry):
    suffixes = {"counter": "_total", "info": "_info"}
    return {family.name + suffixes.get(family.type, "") for family in registry.collect()}


def test_every_metric_is_documented_and_no_other_is(tmp_path):
    store = open_database(tmp_path / "clc.duckdb")
    loop = AppendLoop(store, SpoolReader(tmp_path / "spool"), 10, on_fatal=lambda: None, data_dir=tmp_path)
    registry = make_store_metrics(loop, tmp_path)
    registry.register(StatusMetrics(StatusKeeper(read_settings(data_dir=tmp_path), store, loop.read_condition)))
    registry.register(ShipperMetrics(Shipped))
    QueryMetrics(registry)
    assert set(first_cells(section("Metrics"))) == families(LISTENER) | families(registry)
    store.close()


def test_tables_and_columns_are_those_of_the_store(tmp_path):
    store = open_database(tmp_path / "clc.duckdb")
    part = PAGES["docs/tables.md"]
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


@pytest.mark.parametrize("query", re.findall(r"```sql\n(?!/\*)(.*?);?\n```", TEXT, re.DOTALL))
def test_the_sql_examples_run(tmp_path, query):
    store = open_database(tmp_path / "clc.duckdb")
    run(store, query)
    store.close()


def test_the_example_of_comparing_values_compares_numbers(tmp_path):
    query = re.search(r"```sql\n(SELECT changed_at, entity_id, old_value.*?);\n```", TEXT, re.DOTALL)[1]
    store = open_database(tmp_path / "clc.duckdb")
    values = [("2", "16"), ("16", "2"), ('"many"', "4"), (None, "4")]
    for old, new in values:
        run(
            store,
            "INSERT INTO changes BY NAME SELECT uuid() AS notification_id, 1 AS seq, now() AS changed_at,"
            " 'Server' AS category, 'A' AS entity_id, 'details.cpu' AS path, 'changed' AS kind, false AS noise,"
            " ?::JSON AS old_value, ?::JSON AS new_value, false AS told, 'centurylink' AS sender",
            [old, new],
        )
    assert [row[2:] for row in run(store, query)] == [("2", "16")]
    assert run(store, "SELECT count(*) FROM changes WHERE old_value = '\"many\"'") == [(1,)]
    store.close()


def test_the_example_of_a_rule_finds_what_it_says(tmp_path):
    (tmp_path / "server_became_big.sql").write_text(re.search(r"```sql\n(/\*.*?)\n```", TEXT, re.DOTALL)[1])
    rules = load_rules(tmp_path)
    assert rules.problems == []
    (rule,) = [rule for rule in rules.rules if rule.name == "server_became_big"]
    for number, example in enumerate([*rule.fires, *rule.silent]):
        (tmp_path / f"{number}").mkdir()
        received = received_in(example)
        with connect(str(store_of(tmp_path / f"{number}", received))) as client:
            found = find(
                client, received[0].received_at, received[-1].received_at + timedelta(days=1), rules=RuleSet([rule], [])
            )
        assert [f"{each.severity} {each.entity_id}: {each.sentence}" for each in found.findings] == list(
            getattr(example, "expected", [])
        )
