"""Tells a change in a sentence: "SVC_OPS added public address 203.0.113.9 to WA1ACMEWEB01".

What came from outside stands in the sentences as text, made visible and cut; it is never part of a template.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import orjson

from analytics.text import plural, short
from analytics.words.changed_fields import MEASURES, NOUNS, items_of, label_of, pattern_of

SOMEBODY = "Somebody"
MOST_TOLD = 3
LONGEST_VALUE = 60
LONGEST_NAME = 80
MEGABYTES = 1024


class Change(NamedTuple):
    """A row of `changes`; values are JSON, None where the field is not there. `action` is its notification's."""

    category: str
    entity_id: str
    actor: str | None
    path: str
    kind: str
    old_value: str | None = None
    new_value: str | None = None
    action: str | None = None


class Phrase(NamedTuple):
    """What was done, in parts: `text link ENTITY rest`; where no link word stands between, the entity is "it"."""

    text: str
    link: str = ""
    rest: str = ""

    def about(self, who: str, entity: str) -> str:
        """Return the sentence."""
        return " ".join(part for part in (who, self.text, self.link, entity, self.rest) if part)

    def alone(self) -> str:
        """Return what was done, without who did it to what."""
        it = "it" if self.rest and not self.link else ""
        return " ".join(part for part in (self.text, it, self.rest) if part)


class Told(NamedTuple):
    """A change taken apart for its phrase; values are parsed."""

    change: Change
    old: Any
    new: Any
    items: list[str]

    @property
    def value(self) -> Any:
        """Return the value that was added, or removed."""
        return self.new if self.change.new_value is not None else self.old


def sentence(change: Change) -> str:
    """Return who changed what of the entity, in one sentence without a full stop."""
    entity = short(change.entity_id, LONGEST_NAME)
    if change.path == "" and change.kind == "added" and change.action != "Created":
        return f"{change.category} {entity} is seen for the first time"
    who = short(change.actor, LONGEST_NAME) if change.actor else SOMEBODY
    return phrase(change).about(who, entity)


def summary(changes: Iterable[Change]) -> str:
    """Return what changes of one notification say together, without who and of what."""
    told = list(dict.fromkeys(phrase(change).alone() for change in changes))
    more = len(told) - MOST_TOLD
    return "; ".join(told[:MOST_TOLD]) + (f"; and {plural(more, 'more change')}" if more > 0 else "")


def phrase(change: Change) -> Phrase:
    """Return what a change says was done."""
    if change.path == "":
        return whole(change)
    told = Told(change, parsed(change.old_value), parsed(change.new_value), items_of(change.path))
    special = SPECIAL.get(pattern_of(change.path))
    return (special(told) if special else None) or plain(told)


def whole(change: Change) -> Phrase:
    """Return the phrase of a change of the entity as a whole."""
    noun = change.category.lower()
    if change.kind == "added":
        return Phrase(f"created {noun}") if change.action == "Created" else Phrase(f"first sight of this {noun}")
    if change.kind == "removed":
        return Phrase(f"deleted {noun}")
    if change.kind == "unseen":
        hint = "(a password, say)" if change.category == "User" else ""
        return Phrase("changed a field that notifications do not show", "of", hint)
    return Phrase("changed more than can be listed", "of")


def plain(told: Told) -> Phrase:
    """Return the phrase of a field that none of its own has."""
    name = label_of(told.change.path)
    if told.change.kind == "changed":
        return Phrase(f"changed the {name}", "of", f"from {value_of(told, told.old)} to {value_of(told, told.new)}")
    if told.change.kind == "removed":
        return Phrase(f"removed the {name}", "from", f"(it was {value_of(told, told.old)})")
    return Phrase(f"set the {name}", "of", f"to {value_of(told, told.new)}")


def value_of(told: Told, value: Any) -> str:
    """Return a value with its unit."""
    return written(value, MEASURES.get(pattern_of(told.change.path)))


def written(value: Any, measure: str | None = None) -> str:
    """Return a parsed value as it stands in a sentence."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (int, float)):
        if measure == "MB" and value >= MEGABYTES and value % MEGABYTES == 0:
            return f"{value // MEGABYTES:,.0f} GB"
        number = f"{value:,}" if isinstance(value, int) or not value.is_integer() else f"{value:,.0f}"
        return f"{number} {measure}" if measure else number
    if isinstance(value, str):
        return short(value, LONGEST_VALUE) if value and " " not in value else f"“{short(value, LONGEST_VALUE)}”"
    return short(orjson.dumps(value).decode(), LONGEST_VALUE)


def parsed(value: str | None) -> Any:
    """Return a JSON value; text that can't be parsed here (numbers past all bounds) stays as it is."""
    try:
        return None if value is None else orjson.loads(value)
    except orjson.JSONDecodeError:
        return value


def text_in(value: Any, name: str) -> str | None:
    """Return a field of an object as text, cut; None where there is none."""
    found = value.get(name) if isinstance(value, dict) else None
    return short(str(found), LONGEST_VALUE) if isinstance(found, (str, int)) and str(found) else None


def moved(told: Told, what: str) -> Phrase:
    """Return the phrase of a thing that was added to the entity or removed from it."""
    return Phrase(f"removed {what}", "from") if told.change.kind == "removed" else Phrase(f"added {what}", "to")


def address(told: Told) -> Phrase:
    """Return the phrase of an address that came or went, whole."""
    public, internal = text_in(told.value, "public"), text_in(told.value, "internal")
    if public:
        return moved(told, f"public address {public}")
    return moved(told, f"internal address {internal}" if internal else f"address {item(told)}")


def public_address(told: Told) -> Phrase:
    """Return the phrase of the public side of an address."""
    if told.change.kind == "changed":
        return Phrase(f"replaced public address {written(told.old)}", "of", f"by {written(told.new)}")
    return moved(told, f"public address {written(told.value)}")


def item(told: Told) -> str:
    """Return the natural key of the innermost item of the path."""
    return short(told.items[-1], LONGEST_VALUE) if told.items else ""


def sized(noun: str) -> Callable[[Told], Phrase]:
    """Return what makes phrases of items that have a size in GB."""

    def made(told: Told) -> Phrase:
        size = told.value.get("sizeGB") if isinstance(told.value, dict) else None
        return moved(told, f"{noun} {item(told)}" + (f" ({written(size, 'GB')})" if size is not None else ""))

    return made


def named(noun: str) -> Callable[[Told], Phrase]:
    """Return what makes phrases of items that may have a name."""
    return lambda told: moved(told, f"{noun} {text_in(told.value, 'name') or item(told)}")


def resized(noun: str) -> Callable[[Told], Phrase | None]:
    """Return what makes phrases of an item's size."""

    def made(told: Told) -> Phrase | None:
        if told.change.kind != "changed":
            return None
        return Phrase(
            f"resized {noun} {item(told)}", "of", f"from {written(told.old, 'GB')} to {written(told.new, 'GB')}"
        )

    return made


def power(told: Told) -> Phrase | None:
    """Return the phrase of a power state."""
    verbs = {"started": "on", "stopped": "off"}
    state = str(told.new).lower()
    if state == "paused":
        return Phrase("paused")
    return Phrase("powered", "", verbs[state]) if state in verbs else None


def switched(to_true: Phrase, to_false: Phrase) -> Callable[[Told], Phrase | None]:
    """Return what makes phrases of a field that is true or false."""
    return lambda told: {True: to_true, False: to_false}.get(told.new) if isinstance(told.new, bool) else None


def status(told: Told) -> Phrase | None:
    """Return the phrase of a status, where it has one of its own."""
    old, new = str(told.old).lower(), str(told.new).lower()
    if told.change.kind != "changed":
        return None
    if new == "active" and old in RESTORED_FROM:
        return Phrase(RESTORED_FROM[old])
    return STATUS.get(new)


RESTORED_FROM = {"disabled": "enabled", "archived": "restored", "queuedforrestore": "restored"}
STATUS: Mapping[str, Phrase] = {
    "disabled": Phrase("disabled"),
    "archived": Phrase("archived"),
    "queuedfordelete": Phrase("queued", "", "for deletion"),
    "queuedforrestore": Phrase("queued", "", "for restoring"),
    "queuedforarchive": Phrase("queued", "", "for archiving"),
}
SPECIAL: Mapping[str, Callable[[Told], Phrase | None]] = {
    "status": status,
    "isTemplate": switched(Phrase("converted", "", "to a template"), Phrase("converted", "", "from a template")),
    "groupId": lambda told: (
        Phrase("moved", "", f"from group {written(told.old)} to group {written(told.new)}")
        if told.change.kind == "changed"
        else None
    ),
    "details.powerState": power,
    "details.inMaintenanceMode": switched(
        Phrase("put", "", "into maintenance mode"), Phrase("took", "", "out of maintenance mode")
    ),
    "details.ipAddresses[]": address,
    "details.ipAddresses[].public": public_address,
    "details.secondaryIPAddresses[]": address,
    "details.secondaryIPAddresses[].public": public_address,
    "details.disks[]": sized(NOUNS["disks"]),
    "details.disks[].sizeGB": resized(NOUNS["disks"]),
    "details.partitions[]": sized(NOUNS["partitions"]),
    "details.partitions[].sizeGB": resized(NOUNS["partitions"]),
    "details.snapshots[]": named(NOUNS["snapshots"]),
    "details.alertPolicies[]": named(NOUNS["alertPolicies"]),
    "details.customFields[]": named(NOUNS["customFields"]),
}
