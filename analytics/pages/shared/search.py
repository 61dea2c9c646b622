"""The search in the bar of every page: a name, a number, an id or an event leads to what it names."""

import re
import time
from typing import Any, NamedTuple

from analytics.pages.shared import going
from analytics.pages.shared.accounts import Account, Accounts, is_in, label_account, load_accounts
from analytics.pages.shared.answers import skip_unanswered
from analytics.pages.shared.components import register_script
from analytics.pages.shared.known.memory import read_memory, read_trigger
from analytics.pages.shared.open_item import as_seq, is_uuid
from analytics.pages.shared.store import ask, find_sender_of_row, list_rows, null_to_none
from analytics.senders import (
    as_words,
    describe_any_entity,
    find_account_kind,
    find_person_kind,
    find_sender,
    is_account,
    list_event_types,
)
from analytics.text import add_article, capitalize, make_visible

MOST_FOUND = 100
LEAST_PART = 4
"""A part of an id or of an event's name is looked for from so many characters on."""
PART_OF_ID = re.compile(r"[0-9a-fA-F-]{1,35}")
ID_DIGITS = 32
MOST_NUMBERS = 5
SUGGESTED = "_suggested"
MOST_SUGGESTED = 8
MOST_BESIDE = 2
"""The most accounts by business name among the suggestions, and the most events beside many names."""
SEARCH_HTML = (
    '<form class="search" role="search"><button type="button" aria-label="Search" aria-expanded="false"></button>'
    '<input role="combobox" aria-autocomplete="list" aria-controls="clc-suggested" aria-expanded="false"'
    ' enterkeyhint="search" autocomplete="off" spellcheck="false" maxlength="200">'
    '<ul id="clc-suggested" aria-label="Suggestions" hidden></ul></form>'
)


class Matches(NamedTuple):
    """The matches of a text: entities by a part of the name, accounts by business name, notifications, and events.

    An account is not among `accounts`, which have what names each, if it is among the entities. Notifications are found
    by their number or id, and where there is no entity or account, by a part of the id. `events` are the names with
    the text.
    """

    numbers: list[int]
    entities: list[Any]
    accounts: list[str]
    events: list[str]


class Suggestion(NamedTuple):
    """A name with the typed text, what it is the name of, and the address of its page."""

    name: str
    what: str
    address: str


@going.end_if_overtaken()
def draw_search_field() -> None:
    """Draw the search: it suggests names while somebody types, and Enter leads to what is found."""

    @skip_unanswered
    def find() -> None:
        if text := str(read_trigger("search", "text") or "").strip():
            lead_to(text)

    @skip_unanswered
    def look() -> None:
        text = str(read_trigger("search", "typed") or "").strip()
        suggested.update(typed=text, turn=str(time.monotonic_ns()), suggested=[])
        suggested["suggested"] = list(map(list, suggest(text)))

    going.depart()
    suggested = read_memory().setdefault(SUGGESTED, {"typed": "", "turn": "", "suggested": []})
    entity = add_article(describe_any_entity())
    hint = (
        f"Find {entity} by a part of the name, a notification by its number or a part of its id, or events by a part "
        "of their name. The key / leads here."
    )
    register_script("search", SEARCH_HTML, isolated=False, counts=True)(
        key="search", data={"hint": hint, **suggested}, on_text_change=find, on_typed_change=look
    )


def suggest(text: str) -> list[Suggestion]:
    """Return names with a text: accounts, also by business name, entities, actors as users, and events."""
    every = load_accounts()
    named: dict[tuple[str, str, str | None], None] = {}
    for alias, owner in map(every.find_owner, find_accounts(text, every)[:MOST_BESIDE]):
        named[find_account_kind(owner), alias, owner] = None
    for row in list_rows(ask("names_suggested", named=text, page_rows=2 * MOST_SUGGESTED)):
        sender, kind = find_sender_of_row(row), null_to_none(row.category)
        name = row.name if kind else going.find_user(row.name, sender)
        named[kind or find_person_kind(sender), name, sender] = None
    room = max(MOST_BESIDE, MOST_SUGGESTED - len(named))
    events = [name for name in list_event_types() if text.lower() in name.lower()][:room]
    entities = [suggest_entity(*entity) for entity in list(named)[: MOST_SUGGESTED - len(events)]]
    return entities + [Suggestion(name, "Event", going.make_address("notifications", events=name)) for name in events]


def suggest_entity(kind: str, name: str, sender: str | None) -> Suggestion:
    """Return the suggestion of an entity; its sender is given where the store has several."""
    label = label_account(name, load_accounts().name_of(name, sender)) if is_account(kind, sender) else name
    what = [capitalize(as_words(kind, sender)), *([find_sender(sender).title] if sender else [])]
    return Suggestion(make_visible(label), " · ".join(what), going.find_entity(kind, name, sender=sender))


def lead_to(text: str) -> None:
    """Go to the only thing that a text names, to the list of all that it names, or to the notifications of an event."""
    if event := find_event(text):
        going.to_page("notifications", events=[event])
        return
    matches = find_matches(text)
    exact = [row for row in matches.entities if row.entity_id.upper() == text.upper()]
    entities = exact or matches.entities
    if len(entities) == 1 and (exact or (not matches.numbers and not matches.accounts)):
        going.to_entity(entities[0].category, entities[0].entity_id, sender=find_sender_of_row(entities[0]))
    elif len(matches.numbers) == 1 and not entities and not matches.accounts:
        going.to_notification(matches.numbers[0])
    elif matches.events and not (matches.numbers or entities or matches.accounts):
        going.to_page("notifications", events=matches.events)
    elif len(matches.accounts) == 1 and not entities:
        going.to_account(*load_accounts().find_owner(matches.accounts[0]))
    else:
        going.to_page("entity", named=text)


def find_matches(text: str, kind: str | None = None, sender: str | None = None) -> Matches:
    """Return what a text names; `kind` is the only kind of entities, and `sender` their only sender."""
    found = ask("entities_found", named=text or None, kind=kind, sender=sender, page_rows=MOST_FOUND)
    entities = list(list_rows(found))
    every = load_accounts()
    owners = [(row, find_sender_of_row(row)) for row in entities]
    listed = {every.find_key(row.entity_id, owner) for row, owner in owners if is_account(row.category, owner)}
    accounts = find_accounts(text, every) if text and (kind is None or is_account(kind, sender)) else []
    if sender:
        accounts = [key for key in accounts if every.find_owner(key)[1] == sender]
    others = [key for key in accounts if key not in listed]
    return Matches(find_numbers(text, by_part=not entities and not others), entities, others, find_events(text))


def find_accounts(text: str, accounts: Accounts) -> list[str]:
    """Return the account with this alias, else those with the text in alias or name, those named exactly so first."""
    named = accounts.find_named(text)
    if named:
        return [named]
    wanted = text.casefold()

    def rank(account: Account) -> tuple[bool, bool]:
        name = (account.business_name or "").casefold()
        return name != wanted, not name.startswith(wanted)

    matches = sorted((account for account in accounts.all if is_in(text, account)), key=rank)
    return [accounts.find_key(account.alias, account.sender) for account in matches]


def find_numbers(text: str, *, by_part: bool) -> list[int]:
    """Return the number of the notification with this number or id, else those with a part of an id, newest first."""
    if is_uuid(text):
        return [int(seq) for seq in ask("seq_of_id", id=text)["seq"]]
    seq = as_seq(text.removeprefix("#").replace(",", ""))
    if seq is not None and len(ask("notification", seq=seq)):
        return [seq]
    digits = text.replace("-", "")
    if not by_part or not PART_OF_ID.fullmatch(text) or not LEAST_PART <= len(digits) <= ID_DIGITS:
        return []
    ends = {"lowest": digits.ljust(ID_DIGITS, "0"), "highest": digits.ljust(ID_DIGITS, "f")}
    return [int(seq) for seq in ask("seqs_of_id_part", part=text.lower(), most=MOST_NUMBERS, **ends)["seq"]]


def find_event(text: str) -> str | None:
    """Return the event of a name, of just this one before one in another letter case; None where there is none."""
    names = list_event_types()
    return text if text in names else next((name for name in names if name.lower() == text.lower()), None)


def find_events(text: str) -> list[str]:
    """Return the names of events that have a text."""
    return [name for name in list_event_types() if text.lower() in name.lower()] if len(text) >= LEAST_PART else []
