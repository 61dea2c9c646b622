"""The seam: outside a sender's folders no code names its fields, its events, its habits or what it calls things.

The words are gathered, not listed: from what the sender's folders define, from the SQL in them, and from the bodies of
examples. So a field that is new there is looked for by itself.
"""

import ast
import json
import re
from functools import cache
from itertools import chain
from pathlib import Path

import pytest

from analytics.findings.rule_files import load_rules
from analytics.senders import list_senders
from receiver.senders import CENTURYLINK as RECEIVED
from tests.support import bodies

ROOT = Path(__file__).parents[1]
PACKAGES = {"analytics": ("analytics", "app_dashboard.py"), "receiver": ("receiver",)}
"""What is searched, by the package whose folder `senders` may hold the words."""
SENDER = "centurylink"
CODE = {".py", ".sql", ".js"}
BUNDLED = "codemirror.js"
"""Written by others."""

# fmt: off
ORDINARY = frozenset({
    "address", "alias", "data", "description", "details", "duration", "href", "id", "internal", "links", "metric",
    "name", "os", "path", "public", "rel", "state", "status", "type", "uri", "value",
})
# fmt: on
"""Fields whose names are words of programming, too: that nothing reads inside a body keeps these out."""
ALLOWED = {
    ("analytics/cli.py", SENDER): "--help names the product",
    ("analytics/commands/export.py", "Server"): "--help has an example",
    ("analytics/commands/tail.py", "Server"): "--help has an example",
    ("receiver/cli.py", SENDER): "--help names the product",
    ("receiver/commands/demo.py", SENDER): "it asks which sender is shown",
    ("receiver/commands/status.py", "disks"): "the machine's",
    ("receiver/data_directory/private.py", "telephone"): "it says why bodies are private",
    ("receiver/keeping/care/facts.py", "disks"): "the machine's",
    ("receiver/notification.py", SENDER): "it says whose the rows are that have no column for their sender",
    ("receiver/senders/__init__.py", SENDER): "it lists the senders",
    ("receiver/simulator/__init__.py", SENDER): "it says which sender is played",
    ("receiver/commands/simulate.py", "Account.Updated"): "--help has examples",
    ("receiver/simulator/options.py", "Account.Updated"): "a refusal has an example",
    ("receiver/simulator/demonstrated.py", SENDER): "it says what is shown of each sender",
    ("receiver/simulator/demonstrated.py", "Account.Updated"): "the terminal shows a command to try",
    ("receiver/simulator/posting.py", "User"): "HTTP's header User-Agent",
    ("receiver/spool/columns.py", "disks"): "the machine's",
}
_ABOUT_ITS_ROUTES_OR_KEY = (
    *("admission", "commands/check", "commands/import_", "commands/restore", "commands/verify", "importer/archive"),
    *("keeping/care/files", "listener/process", "listener/routes", "simulator/options"),
    *("simulator/history", "simulator/posting", "store/backup", "supervision/begin", "supervision/used_files"),
    *("keeping/verification/invariants", "keeping/verification/tables"),
)
ALLOWED |= {(f"receiver/{file}.py", SENDER): "it is about its routes or its key" for file in _ABOUT_ITS_ROUTES_OR_KEY}
_WITH_NAMES = ("001_tables_and_views", "002_changes", "003_accounts", "008_sender", "009_any_sender")
RELEASED = {f"receiver/database/migrations/{name}.sql" for name in _WITH_NAMES}
"""Migrations that name the sender; once released they are history. A new one is looked at."""
HABITS = {"sub-account", "sub-accounts"}
COLUMNS = {"account_alias"}
"""Columns of the store that are named like a field."""
COMMON_ACTIONS = {"Created", "Updated", "Deleted"}
"""What happens to the entities of all senders."""
LABELS = {"Account": "the store has accounts of its own: the view `accounts`, the column `account_alias`"}
"""Names of categories that may stand as a label, but not beside a category or a kind."""
FIELD = re.compile(r"[a-z]+[A-Z]\w*")
KEY_IN_SQL = re.compile(r"->>?\s*'([^']*)'")
OF_ANOTHER_SENDER = re.compile(r"analytics/senders/\w+/rules/\w+\.sql|receiver/senders/\w+/made_up/\w+\.py")
READS_A_BODY = re.compile(r"->>?\s*'|json_extract|json_value|from_json")


def sender_folders():
    return [ROOT / package / "senders" / SENDER for package in ("analytics", "receiver")]


def keys_of(value):
    """Yield the keys of a parsed body."""
    if isinstance(value, dict):
        yield from value
        value = list(value.values())
    if isinstance(value, list):
        yield from chain.from_iterable(map(keys_of, value))


def fields_of_examples():
    """Return the fields of all bodies that tests and rules have as examples of this sender's."""
    rules = load_rules().rules
    examples = [example for rule in rules for example in (*rule.fires, *rule.silent)]
    texts: list[str | bytes] = [
        each.body for example in examples for each in example.notifications if each.sender is None
    ]
    texts += [body for body in vars(bodies).values() if isinstance(body, bytes) and body.startswith(b"{")]
    return set(chain.from_iterable(keys_of(json.loads(text)) for text in texts))


def fields_in_python():
    """Return the texts in the sender's Python that are written as its fields are: `accountAlias`."""
    trees = [ast.parse(path.read_text("utf-8")) for folder in sender_folders() for path in folder.rglob("*.py")]
    constants = [node.value for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Constant)]
    return {text for text in constants if isinstance(text, str) and FIELD.fullmatch(text)}


def fields_in_sql():
    """Return the fields that the sender's SQL reads in bodies."""
    files = [path for folder in sender_folders() for path in folder.rglob("*.sql")]
    paths = chain.from_iterable(KEY_IN_SQL.findall(path.read_text("utf-8")) for path in files)
    return set(chain.from_iterable(re.findall(r"[A-Za-z]\w+", path) for path in paths))


def fields_described():
    """Return the fields that the sender has words for."""
    wording = the_sender().wording
    paths = chain(wording.nouns, wording.labels, wording.measures, wording.phrases)
    return set(chain.from_iterable(re.findall(r"\w+", path) for path in paths))


def the_sender():
    return next(sender for sender in list_senders() if sender.name == SENDER)


def names():
    """Return the names of the sender's events, categories and other things."""
    sender = the_sender()
    events = {event.name for event in sender.events}
    categories = {name.partition(".")[0] for name in events} | {kind.name for kind in sender.kinds}
    others = {
        sender.place.name,
        sender.place.pattern,
        sender.signature_header,
        sender.alerts.above,
        sender.alerts.below,
    }
    return events | categories | others | {SENDER}


def fields():
    return fields_of_examples() | fields_in_python() | fields_in_sql() | fields_described()


def code_of(package):
    """Yield the files that may not hold the words, each by its path; another sender's code may name its own bodies."""
    for start in map(ROOT.joinpath, PACKAGES[package]):
        for path in sorted(start.rglob("*")) if start.is_dir() else [start]:
            name = path.relative_to(ROOT).as_posix()
            within = f"/senders/{SENDER}/" in name or OF_ANOTHER_SENDER.fullmatch(name)
            if path.suffix in CODE and path.name != BUNDLED and not within and name not in RELEASED:
                yield name, path.read_text("utf-8")


def occurrences(package, words):
    """Return where which of the words stand; the sender's own name counts in any case of its letters."""
    listed = "|".join(map(re.escape, sorted(words, key=len, reverse=True)))
    pattern = re.compile(rf"(?<!\w)(?:{listed})(?!\w)|(?i:{SENDER})")
    for file, text in code_of(package):
        for number, line in enumerate(text.splitlines(), 1):
            for found in pattern.findall(line):
                word = SENDER if found.lower() == SENDER else found
                yield file, number, word, line.strip()


def is_label(word, line):
    """Say whether a name of a category stands as a label alone."""
    beside = re.search(
        rf"(?:categor|kind)\w*\W{{1,12}}{word}\b|\b{word}\W{{1,12}}(?:categor|kind)", line, re.IGNORECASE
    )
    return word in LABELS and beside is None


def test_the_words_are_found_where_the_sender_defines_them():
    found = fields()
    assert {"accountAlias", "businessName", "changeInfo", "modifiedBy", "ipAddresses", "details", "triggers"} <= found
    assert {"Server.Updated", "Alert", "Data centre", "Tier3-RsaSha1"} <= names()
    assert len(found) > 50


def test_ordinary_words_are_fields_of_the_sender_and_each_exception_is_needed():
    assert fields() >= ORDINARY
    words = (fields() - ORDINARY) | names()
    used = {(file, word) for package in PACKAGES for file, _, word, _ in occurrences(package, words)}
    assert used >= ALLOWED.keys()


@pytest.mark.parametrize("package", PACKAGES)
def test_outside_the_senders_folder_no_code_names_its_fields_or_events(package):
    words = (fields() - ORDINARY) | names()
    named = [
        f"{file}:{number}: {word}: {line}"
        for file, number, word, line in occurrences(package, words)
        if (file, word) not in ALLOWED and not is_label(word, line)
    ]
    assert named == []


@cache
def words_of_the_receiver():
    """Return the words that are the sender's where they stand in quotes, and those that are anywhere."""
    comparison = RECEIVED.comparison
    ours = {"alias", "data", "description", "id", "name", "path", "state", "status", "type", "value"}
    keys = fields_of_examples() | {*comparison.natural_keys} | comparison.noise_anywhere | comparison.noise_on_top
    halves = {half for event in RECEIVED.events for half in (event.category, event.action)} - COMMON_ACTIONS
    spelled = {re.sub(r"(?<=[a-z])(?=[A-Z])", "_", key).lower() for key in keys if FIELD.fullmatch(key)}
    return keys - ours | halves, (spelled | HABITS | {RECEIVED.verification.header}) - COLUMNS


def named_by_the_receiver(text):
    """Return the words of the sender that a text has in quotes, in our spelling, or as habits."""
    quoted, anywhere = words_of_the_receiver()
    found = quoted.intersection(re.findall(r"""["'](\w+)["']""", text))
    return found | anywhere.intersection(re.findall(r"[A-Za-z]\w*(?:-\w+)*", text))


def test_no_code_of_the_receiver_has_a_senders_words_in_quotes_or_in_another_spelling():
    named = {file: named_by_the_receiver(text) for file, text in code_of("receiver")}
    assert {file: words for file, words in named.items() if words} == {}


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('details = body["details"]', {"details"}),
        ("if row.category != 'Alert':", {"Alert"}),
        ("server_name, number = parts", {"server_name"}),
        ('headers.get("Tier3-RsaSha1")', {"Tier3-RsaSha1"}),
        ("# a parent that includes its sub-accounts", {"sub-accounts"}),
        ("columns.account_alias, columns.entity_id", set()),
        ('details = "The details are in the log."', set()),
    ],
)
def test_a_line_of_the_receiver_that_names_the_sender_is_seen(line, words):
    assert named_by_the_receiver(line) == words


@pytest.mark.parametrize("package", ["analytics"])
def test_outside_the_senders_folder_no_code_reads_inside_a_body(package):
    readers = [
        f"{file}:{number}: {line.strip()}"
        for file, text in code_of(package)
        for number, line in enumerate(text.splitlines(), 1)
        if READS_A_BODY.search(line)
    ]
    assert readers == []
