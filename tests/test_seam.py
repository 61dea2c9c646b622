"""The seam: what is known of a sender stands in its folder, and nothing else names a field, event or habit of it."""

import re
from pathlib import Path

import orjson
import pytest

from receiver.senders import SENDER
from receiver.simulator.history import Simulation
from tests.support import bodies

ROOT = Path(__file__).parent.parent
FOLDERS = {"receiver": "receiver/senders/centurylink/"}
"""Where each package has what it knows of the sender."""

HABITS = {"sub-account", "sub-accounts"}
OUR_OWN = {"alias", "data", "id", "name", "path", "state", "status", "type"}
"""Keys of the sender's bodies that are words of the product itself, too, so that they say nothing by themselves."""
COLUMNS = {"account_alias"}
"""Columns of the product that are named like a field of the sender's."""

ACCOUNT_FIELDS = {
    *(
        "Account",
        "businessName",
        "business_name",
        "href",
        "links",
        "parentAccount",
        "parentAlias",
        "parent_alias",
        "rel",
    )
}
"""What the first views and tables of accounts name."""
EXCEPTIONS = {
    "receiver/cli.py": ({"centurylink"}, "help says whose webhooks are received"),
    "receiver/commands/demo.py": ({"account.updated"}, "the terminal shows a command to try"),
    "receiver/database/migrations/001_tables_and_views.sql": (
        {"Deleted", *ACCOUNT_FIELDS},
        "a migration that is released is history",
    ),
    "receiver/database/migrations/002_changes.sql": ({"Deleted"}, "a migration that is released is history"),
    "receiver/database/migrations/003_accounts.sql": (ACCOUNT_FIELDS, "a migration that is released is history"),
    "receiver/database/migrations/008_sender.sql": (
        {"Deleted", "centurylink"},
        "a migration is history, and fills a column",
    ),
    "receiver/notification.py": ({"centurylink"}, "it says whose the rows are that have no column for their sender"),
    "receiver/senders/__init__.py": ({"centurylink"}, "it lists the senders"),
    "receiver/simulator/__init__.py": ({"centurylink"}, "it says which sender is played"),
    "receiver/simulator/commands.py": ({"account.updated"}, "help shows commands to try"),
}
"""By file: the words it may have, all of which it has, and why."""


def keys_of(value):
    if isinstance(value, dict):
        return set(value).union(*map(keys_of, value.values()))
    return set().union(*map(keys_of, value)) if isinstance(value, list) else set()


def texts_of(value):
    if isinstance(value, dict):
        return texts_of(list(value.values()))
    return set().union(*map(texts_of, value)) if isinstance(value, list) else {value}


def spelled_our_way(word):
    """Write a field's name as a column or a variable would be: `ipAddresses` as `ip_addresses`."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", word).lower()


@pytest.fixture(scope="module")
def words():
    """Collect the words of the sender: those that tell by themselves, those that do in quotes, and names of events."""
    written = [value for value in vars(bodies).values() if isinstance(value, bytes)]
    made_up = [out.body for out in Simulation(1).history(3, 1_442_934_000, 800)]
    parsed = [orjson.loads(body) for body in written + made_up]
    comparison = SENDER.comparison
    fields = set().union(*map(keys_of, parsed), *comparison.bare.values(), comparison.natural_keys)
    fields |= comparison.noise_anywhere | comparison.noise_on_top | comparison.caseless
    fields |= {key for groups in comparison.natural_keys.values() for group in groups for key in group}
    values = {text for text in texts_of(parsed) if isinstance(text, str) and re.fullmatch(r"[a-z]+[A-Z]\w*", text)}
    told = {field for field in fields if re.search(r"[a-z][A-Z]", field)}
    told |= values | set(map(spelled_our_way, told))
    events = {event.event_type.lower() for event in SENDER.events}
    halves = {half for event in SENDER.events for half in (event.category, event.action)}
    header = SENDER.verification.header.lower()
    return told - COLUMNS, fields - told - OUR_OWN | halves, events | {SENDER.name, header} | HABITS


def named_in(text, words):
    """Return the words of the sender that a text has: fields as they are or in quotes, the others in any case."""
    told, quoted, in_any_case = words
    found = told.intersection(re.findall(r"[A-Za-z]\w*", text))
    found |= quoted.intersection(re.findall(r"""["'](\w+)["']""", text))
    return found | {word for word in in_any_case if re.search(rf"\b{re.escape(word)}\b", text, re.IGNORECASE)}


def files_beside(folder, package):
    paths = [path for path in (ROOT / package).rglob("*") if path.suffix in {".py", ".sql"}]
    return [name for path in paths if not (name := path.relative_to(ROOT).as_posix()).startswith(folder)]


@pytest.mark.parametrize("package", FOLDERS)
def test_nothing_outside_a_senders_folder_names_its_fields_events_or_habits(package, words):
    named = {
        name: named_in((ROOT / name).read_text("utf-8"), words) for name in files_beside(FOLDERS[package], package)
    }
    excepted = {name: allowed for name, (allowed, _) in EXCEPTIONS.items() if name.startswith(f"{package}/")}
    assert {name: found for name, found in named.items() if found} == excepted


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ('body.get("serverName")', {"serverName"}),
        ("payload ->> 'userName' AS user_name", {"userName", "user_name"}),
        ('details = body["details"]', {"details"}),
        ("if row.category != 'Alert':", {"Alert"}),
        ('"""Tells Server.Deleted from the rest."""', {"server.deleted"}),
        ("# a server that is queuedForRestore has few", {"queuedForRestore"}),
        ('headers.get("Tier3-RsaSha1")', {"tier3-rsasha1"}),
        ("# a parent that includes its sub-accounts", {"sub-accounts"}),
        ("from receiver.senders.centurylink.events import EVENTS", {"centurylink"}),
        ("columns.account_alias, columns.entity_id", set()),
        ('details = "The details are in the log."', set()),
    ],
)
def test_a_line_that_names_the_sender_is_seen(line, found, words):
    assert named_in(line, words) == found
