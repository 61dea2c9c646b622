"""The rules of a sender's events: where the columns stand, event by event, and how an event acts on its entity."""

import re
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import Any, Final, NamedTuple

from receiver.notification import Action, Category
from receiver.senders.pointers import Pointer, read_pointers
from receiver.senders.profile.paths import PathTemplate, compile_path
from receiver.senders.profile.sources import Request, Sources, read_sources
from receiver.senders.sender import Body
from receiver.senders.tables import Table

CREATED: Final = "Created"
UPDATED: Final = "Updated"
DELETED: Final = "Deleted"
UNKNOWN: Final = "unknown"
"""The kind of an entity of which nothing tells the kind."""

_ACTIONS: dict[str, Action] = {"created": CREATED, "updated": UPDATED, "deleted": DELETED}
_READ_ELSEWHERE = ("account_alias", "actor", "occurred_at", "parent_account")
SAYING_KEYS = ("says", "entity_name")
COLUMN_KEYS = ("event_type", "category", "entity_id", "action", *_READ_ELSEWHERE, *SAYING_KEYS)
EVENT_KEYS = ("category", "entity_id", "action", "act", "stateless", *_READ_ELSEWHERE, *SAYING_KEYS)
_TELLING = ("status", "state", "result", "title", "name", "subject", "message", "reason", "error")
_USUALLY_SAYS = Sources(templates=tuple(f"{{{place}/{name}}}" for name in _TELLING for place in ("", "/data")))
"""What an event says if its profile does not tell: fields that most senders have under these names."""
_ACT_KEYS = ("path", "within", "each", "added", "removed", "changed", "old", "new")
_MOST_REMEMBERED = 1024
_LONGEST_NAME = 128
"""A stranger may send a longer name; it is no event that a profile names."""
_LONGEST_WORD = 64


class Act(NamedTuple):
    """How an event acts on its entity: the path of the difference, and where its values stand.

    With `each` there is a difference for each item of the list that stands there, and all else stands in the item; the
    paths begin with `within`. `added` and `removed` lead to the value of an item that comes or goes. `old` and `new`
    are the values of a field.
    `changed` leads to a thing under the path, to which the values of before belong that the body tells.
    """

    path: PathTemplate
    within: PathTemplate
    each: tuple[Pointer, ...]
    added: tuple[Pointer, ...]
    removed: tuple[Pointer, ...]
    changed: tuple[Pointer, ...]
    old: tuple[Pointer, ...]
    new: tuple[Pointer, ...]


class Rules(NamedTuple):
    """The rules of an event; None means that those of more events count.

    `says` are the places of all that its body says in a list, `entity_name` those of what people call its entity.
    """

    account_alias: Sources | None = None
    category: Sources | None = None
    entity_id: Sources | None = None
    actor: Sources | None = None
    occurred_at: Sources | None = None
    parent_account: Sources | None = None
    action: Action | None = None
    acts: tuple[Act, ...] | None = None
    stateless: bool | None = None
    says: Sources | None = None
    entity_name: Sources | None = None

    def read_category(self, event_type: str | None, body: Body) -> Category:
        """Return the kind of the entity: the one that the rules name, or the event's first word."""
        named = self.category.read(Request(None, {}, body)) if self.category else None
        return _as_word(named) or _as_word(re.split(r"[./: ]", event_type or "", maxsplit=1)[0]) or UNKNOWN


def write_expression(text: str, character: str) -> str:
    """Write a text in which `*` stands for any of a kind of character as a regular expression.

    Between two stars the first place of a piece counts, and no other is tried: however long a name is and whatever it
    repeats, the time is linear.
    """
    first, *pieces = map(re.escape, text.split("*"))
    if not pieces:
        return first
    *inner, last = pieces
    return f"{first}{''.join(f'(?>{character}*?{piece})' for piece in inner)}{character}*{last}"


class Pattern:
    """A name of events, in which `*` stands for any characters."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.matches: Callable[[str], object] = re.compile(write_expression(text, "."), re.DOTALL).fullmatch

    @property
    def weight(self) -> tuple[bool, int]:
        """Return a number that is larger for a pattern that says more."""
        return "*" not in self.text, len(self.text.replace("*", ""))


class EventRules:
    """The rules of all events of a sender.

    Args:
        general: those of any event.
        created: the events that create their entity.
        deleted: the events that delete it.
        special: the rules of some events; of two that match, the one that says more counts, key by key.
    """

    def __init__(
        self,
        general: Rules,
        created: Sequence[Pattern],
        deleted: Sequence[Pattern],
        special: Sequence[tuple[Pattern, Rules]],
    ) -> None:
        self._general = general
        self._actions = [(CREATED, created), (DELETED, deleted)]
        self._special = sorted(special, key=lambda pair: pair[0].weight)
        self._remembered = lru_cache(_MOST_REMEMBERED)(self._merge)
        self.has_stateless = any(rules.stateless for _, rules in special)
        """Whether some events do not state their entity."""

    def find_rules(self, event_type: str | None) -> Rules:
        """Return the rules of an event."""
        if event_type is None or len(event_type) > _LONGEST_NAME:
            return self._general
        return self._remembered(event_type)

    def list_sayings(self) -> Iterator[dict[str, Any]]:
        """Yield each pattern of events that has places of what is said, with these; what says more comes first."""
        general = self._general._replace(says=self._general.says or _USUALLY_SAYS)
        for text, rules in [*((pattern.text, rules) for pattern, rules in reversed(self._special)), ("*", general)]:
            places = {name: getattr(rules, name) for name in SAYING_KEYS}
            if any(places.values()):
                yield {"pattern": text, **{name: each and each.templates for name, each in places.items()}}

    def is_stateless(self, event_type: str | None) -> bool:
        """Tell whether an event's body does not state its entity; a creation or a deletion counts as a state."""
        rules = self.find_rules(event_type)
        return rules.stateless is True and rules.action not in (CREATED, DELETED)

    def _merge(self, event_type: str) -> Rules:
        rules = self._general
        for pattern, special in self._special:
            if pattern.matches(event_type):
                rules = rules._replace(**{k: v for k, v in special._asdict().items() if v is not None})
        if rules.action is None and not rules.acts:
            for action, patterns in self._actions:
                if any(pattern.matches(event_type) for pattern in patterns):
                    return rules._replace(action=action)
        return rules


def read_event_rules(columns: Table, events: Table) -> EventRules:
    """Read the rules of the tables `columns` and `events`.

    Raises:
        ProfileError: a value is not allowed.
    """
    actions = columns.read_table("action", ("created", "deleted"))
    created, deleted = ([Pattern(text) for text in actions.read_texts(name)] for name in ("created", "deleted"))
    special = [(Pattern(name), _read_special(table)) for name, table in events.list_tables(EVENT_KEYS)]
    return EventRules(_read_rules(columns), created, deleted, special)


def _read_rules(table: Table) -> Rules:
    def read(name: str, *, headers: bool = True, word: bool = False) -> Sources | None:
        return read_sources(table, name, headers=headers, word=word) if table.has(name) else None

    return Rules(
        account_alias=read("account_alias"),
        # Values of before are told by bodies alone, and are those of a category: so a header can't name it.
        category=read("category", headers=False, word=True),
        entity_id=read("entity_id"),
        actor=read("actor"),
        occurred_at=read("occurred_at"),
        parent_account=read("parent_account"),
        says=read("says", headers=False),
        entity_name=read("entity_name", headers=False),
    )


def _read_special(table: Table) -> Rules:
    action = table.read_word("action", tuple(_ACTIONS))
    acts: tuple[Act, ...] | None = None
    if isinstance(table.values.get("act"), list):
        acts = tuple(map(_read_act, table.read_tables("act", _ACT_KEYS)))
    elif table.has("act"):
        acts = (_read_act(table.read_table("act", _ACT_KEYS)),)
    stateless = table.read_flag("stateless") if table.has("stateless") else None
    return _read_rules(table)._replace(action=_ACTIONS[action] if action else None, acts=acts, stateless=stateless)


def _read_act(table: Table) -> Act:
    path, within = _read_path(table, "path"), _read_path(table, "within") if table.has("within") else ()
    each, added, removed, changed, old, new = (read_pointers(table, name) for name in _ACT_KEYS[2:])
    if within and not each:
        table.refuse("within", "stands beside each; without it, write the whole path in path")
    if [bool(added), bool(removed), bool(changed), bool(old or new)].count(True) != 1:
        table.refuse(None, "must say where a value stands, by one of added, removed, changed, or old and new")
    return Act(path, within, each, added, removed, changed, old, new)


def _read_path(table: Table, name: str) -> PathTemplate:
    try:
        return compile_path(table.read_text(name))
    except ValueError as error:
        table.refuse(name, str(error))


def _as_word(text: str | None) -> str | None:
    return re.sub(r"[\W_]+", "_", text.lower()).strip("_")[:_LONGEST_WORD] or None if text else None
