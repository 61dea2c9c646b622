"""The filters of the page Activity: values of its address, chips that remove them, parameters of queries."""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any, NamedTuple

from analytics.pages.shared import address, going
from analytics.pages.shared import filters as shared
from analytics.pages.shared.accounts import load_accounts
from analytics.pages.shared.filters import (
    ACCOUNT,
    ACTOR,
    ALONE,
    CENTRE,
    ENTITY,
    SENDER,
    TYPES,
    Chip,
    make_chip,
    read_one,
)
from analytics.pages.shared.formatting import format_range
from analytics.pages.shared.ranges import REVERSED
from analytics.pages.shared.store import find_sender_of_row
from analytics.senders import (
    as_words,
    find_account_word,
    find_accounts_word,
    find_kind,
    find_place,
    has_several_senders,
    list_titles,
)
from analytics.text import capitalize, quote
from analytics.times import Interval

PART = "part"
OTHERS = "others"
ROWS = "rows"
BRANCHES = "open"
NO_BRANCH = ","
"""The value of an address in which no account is open."""
MOST_ROWS, MORE_ROWS = 30, 300
NAMES = (*shared.EXACT, ALONE, PART)


class Measure(NamedTuple):
    """A thing that the page counts: the word for one, and the parameter that makes queries count it."""

    unit: str
    parameter: str

    @property
    def name(self) -> str:
        """Its name on the page."""
        return f"{self.unit}s".capitalize()

    def list_parameters(self, *, typed: bool) -> dict[str, Any]:
        """Return the parameters of queries that count it; `typed` says whether they read its event types."""
        return {self.parameter: True, "typed": True if typed and self is CHANGES else None}

    @property
    def other(self) -> "Measure":
        """The measure that is not drawn."""
        return NOTIFICATIONS if self is CHANGES else CHANGES


NOTIFICATIONS = Measure("notification", "notifications")
CHANGES = Measure("changed field", "changes")


class ActivityFilters(NamedTuple):
    """The filters: an entity is its category and its name, `alone` an account without its sub-accounts.

    `entity_sender` is the entity's sender, where the store has several, and `without` has the parameters of queries for
    what is left out.
    """

    types: tuple[str, ...] = ()
    account: str | None = None
    alone: bool = False
    actor: str | None = None
    entity: tuple[str, str] | None = None
    centre: str | None = None
    part: Interval | None = None
    sender: str | None = None
    entity_sender: str | None = None
    without: Mapping[str, list[str]] = {}

    def make_parameters(self, *without: str) -> dict[str, Any]:
        """Return the parameters of queries, besides those of time.

        Args:
            without: the filters to ignore, because a list shows its other choices too.
        """
        kind, name = self.entity or (None, None)
        values: dict[str, Any] = {"event_types": list(self.types) or None}
        values |= {"account": self.account if self.alone else None}
        values |= list_tree(self.account, self.sender) if self.account and not self.alone else {}
        values |= {"actor": self.actor, "kind": kind, "entity": name, "centre": self.centre}
        values |= {"sender": self.sender if ENTITY in without else self.any_sender}
        dropped = {TYPES: ("event_types",), ACCOUNT: ("account", "accounts", "owners"), ENTITY: ("kind", "entity")}
        dropped |= {ACTOR: ("actor",), CENTRE: ("centre",)}
        return values | dict.fromkeys(parameter for name in without for parameter in dropped[name]) | {**self.without}

    @property
    def any_sender(self) -> str | None:
        """The chosen sender, or that of the chosen entity."""
        return self.sender or self.entity_sender

    def make_name_filters(self) -> dict[str, str | None]:
        """Return the filters by name of other pages: an actor and an entity by their whole name, a place by a part."""
        return {"actor": quote(self.actor), "entity": quote(self.entity[1]) if self.entity else self.centre}

    def make_entity_parameters(self) -> dict[str, Any]:
        """Return the parameters of the query of entities and places, which filters each list by the other's choice."""
        kind, name = self.entity or (None, None)
        chosen = {"chosen_kind": kind, "chosen_entity": name, "chosen_centre": self.centre}
        return self.make_parameters(ENTITY, CENTRE) | chosen


def list_tree(account: str, sender: str | None) -> dict[str, Any]:
    """Return the parameters of queries for an account and all below it; its senders if others share an alias."""
    accounts = load_accounts()
    tree = sorted(accounts.list_tree(account, sender), key=str)
    owners = [owner for owner, _ in tree] if accounts.are_shared_with_others(tree) else None
    return {"accounts": [alias for _, alias in tree], "owners": owners}


def read_filters() -> ActivityFilters:
    """Return the filters in the address."""
    identity = read_one(ENTITY)
    sender, entity = shared.parse_entity(identity or "")
    return ActivityFilters(
        types=shared.read_names(TYPES),
        account=read_one(ACCOUNT),
        alone=address.get(ALONE) == "yes",
        actor=read_one(ACTOR),
        entity=entity if identity else None,
        centre=read_one(CENTRE),
        part=Interval.parse(address.get(PART)),
        sender=shared.read_sender(),
        entity_sender=sender if identity and has_several_senders() else None,
        without=shared.make_without_parameters(),
    )


def select_part(part: Interval | None) -> None:
    """Select a part of the time, or all of it; one that ends before it begins is none, and a message says so."""
    if part and part.is_reversed:
        going.say(f"{REVERSED}.")
        return
    address.put(**{PART: str(part) if part else None})


def read_most_rows() -> int:
    """Return the number of rows that a ranked list has at most: few, or more where the viewer asked for them."""
    return MORE_ROWS if address.get(ROWS) == str(MORE_ROWS) else MOST_ROWS


def show_more_rows() -> None:
    """Let all lists show more names."""
    address.put(**{ROWS: str(MORE_ROWS)})


def clear() -> None:
    """Remove all filters."""
    address.put(**dict.fromkeys(NAMES))


def list_filter_chips(chosen: ActivityFilters) -> Iterator[Chip]:
    """Yield a chip for each filter."""
    if chosen.part:
        yield Chip(PART, "Time", format_range(chosen.part.since, chosen.part.until), partial(select_part, None))
    for number, name in enumerate(chosen.types):
        # The number tells names apart that differ in signs that a style class can't hold.
        yield make_chip(TYPES, name, *shared.name_event(name, "Event type"), key=f"{number}-{TYPES}-{name}")
    yield from shared.list_sender_chips()
    if chosen.account:
        one = capitalize(find_account_word(chosen.sender))
        whose = f"{one} alone" if chosen.alone else f"{one} with sub-{find_accounts_word(chosen.sender)}"
        yield make_chip(ACCOUNT, chosen.account, whose, chosen.account)
    if chosen.actor:
        yield make_chip(ACTOR, chosen.actor, "Actor", chosen.actor)
    if chosen.entity:
        kind, name = chosen.entity
        is_known = find_kind(kind, chosen.entity_sender) is not None
        label, value = (kind, name) if is_known else ("", f"unknown category {kind}: {name}")
        yield make_chip(ENTITY, read_one(ENTITY) or "", label, value)
    if chosen.centre:
        label = where.name if (where := find_place()) else ""
        yield make_chip(CENTRE, chosen.centre, label, chosen.centre if label else f"unknown place {chosen.centre}")
    yield from shared.list_without_chips()


def toggle_account(alias: str, sender: str | None, *, alone: str | None, without: bool = False) -> None:
    """Choose an account, or leave it out, or no more; choose an alias that several senders have with its sender."""
    others = {SENDER: sender} if alias in load_accounts().shared and not without else {}
    shared.toggle(ACCOUNT, alias, {ALONE: alone, **others}, without=without)


def is_chosen(row: Any, chosen: ActivityFilters) -> bool:
    """Say whether a row is of the chosen account."""
    return row.name == chosen.account and chosen.sender in {None, find_sender_of_row(row)}


def add_sender(row: Any) -> str:
    """Return the id of a row whose name may be that of several senders' rows."""
    sender = find_sender_of_row(row)
    return f"{row.name}\n{sender}" if sender else str(row.name)


def split_sender(identity: str) -> tuple[str, str | None]:
    """Return the name and the sender of such an id."""
    name, _, sender = identity.partition("\n")
    return name, sender or None


def find_sender_title(row: Any) -> str | None:
    """Return the title of a row's sender; None where the store has one sender."""
    return list_titles().get(find_sender_of_row(row) or "")


def describe_entity(row: Any) -> str | None:
    """Return an entity's kind, sender and name; None where the store has one sender."""
    title = find_sender_title(row)
    return f"{as_words(row.kind, find_sender_of_row(row))} of {title}: {row.name}" if title else None


def open_branches(at_first: list[str]) -> list[str]:
    """Return the accounts whose sub-accounts are shown; `at_first` are those of an address that names none."""
    branches = address.get(BRANCHES)
    return at_first if branches is None else [alias for alias in branches.split(",") if alias]


def open_or_close(alias: str, at_first: list[str]) -> None:
    """Show an account's sub-accounts, or hide them."""
    branches = open_branches(at_first)
    left = [each for each in branches if each != alias] if alias in branches else [*branches, alias]
    address.put(**{BRANCHES: None if left == at_first else ",".join(left) or NO_BRANCH})
