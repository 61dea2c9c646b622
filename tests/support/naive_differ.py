"""A second, naive differ, to compare `changes` with: it flattens both bodies, matches the places and subtracts.

It is slow, has no bounds, and shares no code with the receiver, so that what both agree on is the rule and no accident.
"""

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from functools import lru_cache
from ipaddress import ip_address, ip_network
from typing import Any, NamedTuple

import orjson

Place = tuple[tuple[str, str], ...]
"""The way to a value: ("key", as it is written) and ("item", its natural key in lower case)."""

WITHOUT_CASE = {"id", "name", "alias", "userName", "hostName", "status", "powerState"}
NATURAL_KEYS = {
    "disks": ("id",),
    "customFields": ("id",),
    "alertPolicies": ("id",),
    "partitions": ("path",),
    "snapshots": ("name",),
    "ipAddresses": ("internal", "public", "address"),
    "secondaryIPAddresses": ("internal", "public", "address"),
}
EMPTY = {"object": "{}", "items": "[]"}
NOISY_AT_THE_TOP = {"changeInfo", "uri", "accountUri", "groupUri"}
MOVED_INTO_DETAILS = ("cpu", "diskCount", "memoryMB", "powerState", "storageGB", "ipAddresses")
ADDRESS_LISTS = ("ipAddresses", "secondaryIPAddresses")
IN_BOTH_FORMS = {
    "Account": {
        *("accountAlias", "businessName", "status", "telephone", "addressLine1", "addressLine2", "city"),
        *("stateProvince", "postalCode", "country"),
    },
    "Server": {
        *("name", "description", "status", "osType", "isTemplate", "locationId"),
        *(f"details.{name}" for name in MOVED_INTO_DETAILS),
    },
    "User": set[str](),
}
PRIVATE = [
    ip_network(text)
    for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "fc00::/7", "fe80::/10")
]


class State(NamedTuple):
    """A notification, as far as it tells its entity's state; after a deletion also the state before it."""

    category: str
    action: str | None
    payload: bytes
    alive: "State | None" = None


class Row(NamedTuple):
    """A difference: the last five columns of `changes`."""

    path: str
    kind: str
    noise: bool
    old_value: str | None
    new_value: str | None


class Node(NamedTuple):
    """What stands at a place: an "object", a list of "items" with natural keys, such an "item", or a "value"."""

    sort: str
    value: Any
    spelling: str


class Stored(NamedTuple):
    """The columns of `notifications` that `changes` follows from."""

    seq: int
    id: Any
    occurred_at: Any
    received_at: Any
    category: str
    action: str | None
    entity_id: str | None
    account_alias: str | None
    actor: str | None
    duplicate_of: Any
    payload: str


def naive_table(notifications: Iterable[Stored]) -> list[tuple[Any, ...]]:
    """Return all rows of `changes` for all notifications of a store, in no particular order."""
    histories = defaultdict(list)
    for one in notifications:
        if one.category != "Alert" and one.entity_id is not None and one.duplicate_of is None:
            histories[one.category, one.entity_id].append(one)
    table: list[tuple[Any, ...]] = []
    for history in histories.values():
        before = None
        for one in sorted(history, key=lambda one: (min(one.occurred_at, one.received_at), one.seq)):
            changed_at = min(one.occurred_at, one.received_at)
            about = one.id, one.seq, changed_at, one.category, one.entity_id, one.account_alias, one.actor
            now = State(one.category, one.action, one.payload.encode())
            table += [(*about, *row) for row in naive_changes(before, now)]
            before = naive_state(before, now)
    return table


def naive_state(before: State | None, now: State) -> State:
    """Return what the next notification is compared with; its body is empty if no notification states the entity."""
    if now.action != "Deleted":
        return now
    alive = before.alive if before and before.action == "Deleted" else before
    payload = now.payload if not _says_nothing(now) else before.payload if before else b""
    return now._replace(payload=payload, alive=alive)


def naive_changes(before: State | None, now: State) -> list[Row]:
    """Return the rows of one notification, in no particular order."""
    if before is None:
        return [Row("", "removed" if now.action == "Deleted" else "added", False, None, None)]
    was_deleted, is_deleted = before.action == "Deleted", now.action == "Deleted"
    if was_deleted and not is_deleted:
        before = before.alive or before
    rows = [] if _says_nothing(now) or not before.payload else list(_differences(before, now))
    if is_deleted:
        return rows if was_deleted else [Row("", "removed", False, None, None), *rows]
    if was_deleted:
        return [Row("", "added", False, '"deleted"', None), *rows]
    if now.action != "Created" and all(row.noise for row in rows):
        rows.append(Row("", "unseen", False, None, None))
    return rows


def _says_nothing(now: State) -> bool:
    if now.category != "Server" or now.action != "Deleted":
        return False
    return set(orjson.loads(now.payload)) <= {"accountAlias", "name"}


def _differences(before: State, now: State) -> Iterator[Row]:
    old_body, old_is_old, old = _spread(before.category, before.payload)
    new_body, new_is_old, new = _spread(now.category, now.payload)
    compared_whole: set[Place] = set()
    for place in sorted(old.keys() | new.keys(), key=len):
        if any(place[:length] in compared_whole for length in range(len(place))):
            continue
        here = [side[place] for side in (old, new) if place in side]
        on_both_sides = len(here) == 2
        sorts = {node.sort for node in here}
        null_beside = sorts <= {"value", *EMPTY} and len(sorts) == 2 and any(node.value is None for node in here)
        told_by_what_is_in_it = null_beside or sorts in ({"object"}, {"items"}) or (on_both_sides and sorts == {"item"})
        if not told_by_what_is_in_it:
            compared_whole.add(place)
        if (
            on_both_sides
            and not null_beside
            and (told_by_what_is_in_it or alike(here[0].value, here[1].value, _key(place)))
        ):
            continue
        kind = "changed" if on_both_sides else "added" if place in new else "removed"
        path = "".join((new if place[:length] in new else old)[place[:length]].spelling for length in _lengths(place))
        noise = _is_noise(place, kind, here, old_body, new_body)
        if old_is_old != new_is_old:
            noise = noise or _is_only_of_one_form(
                before.category, place, old.get(place), new.get(place), old_body, new_body
            )
        values = (_text(side.get(place), whole=kind == "changed" and not null_beside) for side in (old, new))
        yield Row(path.removeprefix("."), kind, noise, *values)


def _lengths(place: Place) -> range:
    return range(1, len(place) + 1)


def _text(node: Node | None, *, whole: bool) -> str | None:
    if node is None:
        return None
    if whole or node.sort not in EMPTY:
        return dumped(node.value)
    return EMPTY[node.sort]


def dumped(value: Any) -> str:
    """Write a value as `changes` holds it."""
    return orjson.dumps(value).decode()


def _is_noise(place: Place, kind: str, here: list[Node], old: Any, new: Any) -> bool:
    names = [name for sort, name in place if sort == "key"]
    if "links" in names or names[0] in NOISY_AT_THE_TOP:
        return True
    full_containers = [node for node in here if node.sort in EMPTY and node.value]
    if kind == "changed":
        return bool(full_containers) and any(node.value is None for node in here)
    if kind == "added" and _is_in_address_list(place) and _addresses_named(here[0].value):
        return bool(full_containers)
    return bool(full_containers) or _is_partial(names, (old if kind == "added" else new))


def _is_only_of_one_form(
    category: str, place: Place, before: Node | None, now: Node | None, old: Any, new: Any
) -> bool:
    """Say whether two bodies of different forms differ at a place only because of that."""
    values = [node.value if node else None for node in (before, now)]
    if place == (("key", "id"),) or set(map(repr, values)) <= {"None", "''"}:
        return True
    if _is_in_address_list(place):
        gained = _addresses_named(values[1]) - _all_addresses(old)
        lost = _addresses_named(values[0]) - _all_addresses(new)
        return not gained | lost
    names = [name for sort, name in place if sort == "key"]
    told_by_both = (
        ".".join(names[: 2 if category == "Server" and names[0] == "details" else 1]) in IN_BOTH_FORMS[category]
    )
    return (before is None or now is None) and not told_by_both


def _is_in_address_list(place: Place) -> bool:
    return place[:2] in [(("key", "details"), ("key", name)) for name in ADDRESS_LISTS]


def _all_addresses(body: dict[str, Any]) -> set[str]:
    details = body.get("details")
    lists = [details.get(name, []) for name in ADDRESS_LISTS] if isinstance(details, dict) else []
    return {address for each in lists for address in _addresses_named(each)}


def _addresses_named(value: Any) -> set[str]:
    if isinstance(value, list):
        return {address for item in value for address in _addresses_named(item)}
    if isinstance(value, dict):
        value = [value.get(key) for key in ("public", "internal", "address")]
        return {each.lower() for each in value if isinstance(each, str)}
    return {value.lower()} if isinstance(value, str) else set()


def _is_partial(names: list[str], lacking: dict[str, Any]) -> bool:
    """Say whether a field of `details` is missing in a body only because that tells little of its details."""
    details = lacking.get("details")
    is_partial = len(names) == 1 or not isinstance(details, dict) or not {"cpu", names[1]} & details.keys()
    return names[0] == "details" and is_partial


@lru_cache(maxsize=8)
def _spread(category: str, payload: bytes) -> tuple[dict[str, Any], bool, dict[Place, Node]]:
    """Return a body in the new form, whether it was in the old one, and what is where in it."""
    body, is_old = in_new_form(category, orjson.loads(payload))
    return body, is_old, flat(body)


def flat(body: dict[str, Any]) -> dict[Place, Node]:
    """Spread a body out: what stands at each place in it, its top left out."""
    places: dict[Place, Node] = {}
    todo: list[tuple[Place, Any]] = [((), body)]
    while todo:
        above, value = todo.pop()
        inside: list[tuple[tuple[str, str], Node]]
        if isinstance(value, dict):
            inside = [(("key", name), _node(name, within)) for name, within in value.items()]
        else:
            keys = natural_keys(_key(above), value) or []
            inside = [
                (("item", key.upper()), Node("item", item, spelled_item(key)))
                for key, item in zip(keys, value, strict=True)
            ]
        for step, node in inside:
            places[*above, step] = node
            if node.sort != "value":
                todo.append(((*above, step), node.value))
    return places


def _node(name: str, value: Any) -> Node:
    sort = "value"
    if isinstance(value, dict):
        sort = "object"
    elif isinstance(value, list) and natural_keys(name, value) is not None:
        sort = "items"
    return Node(sort, value, "." + spelled_key(name))


def _key(place: Place) -> str:
    return place[-1][1] if place[-1][0] == "key" else ""


def natural_keys(name: str, items: list[Any]) -> list[str] | None:
    """Return the natural keys of a list's items, or None where they have none; `name` is the key of the list."""
    keys = [_natural_key(name, item) for item in items]
    told = [key for key in keys if key is not None]
    return told if len({key.upper() for key in told}) == len(items) else None


def _natural_key(name: str, item: Any) -> str | None:
    if not isinstance(item, dict):
        return None
    if name == "links":
        rel, id_ = _spelled_value(item.get("rel")), _spelled_value(item.get("id"))
        return f"{rel} {id_}" if rel and id_ else rel
    spelled = (_spelled_value(item.get(field)) for field in NATURAL_KEYS.get(name, ()))
    return next((text for text in spelled if text is not None), None)


def _spelled_value(value: Any) -> str | None:
    if isinstance(value, str):
        return value
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return str(int(value)) if value == int(value) else str(value)


def spelled_key(name: str) -> str:
    """Write a key as paths have it."""
    return name if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name) else json.dumps(name)


def spelled_item(key: str) -> str:
    """Write an item's natural key as paths have it, with its brackets."""
    odd = not key or any(sign in '[]"\\\x7f' or sign < " " for sign in key)
    return f"[{json.dumps(key) if odd else key}]"


def alike(one: Any, other: Any, key: str) -> bool:
    """Say whether two values are the same, order in lists, number spelling and the case of ids aside."""
    return bool(bare(one, key) == bare(other, key))


def bare(value: Any, key: str = "") -> Any:
    """Return what is left of a value without the order of its lists, and in ids the case; `key` is what it is under."""
    if isinstance(value, dict):
        return "object", frozenset((name, bare(within, name)) for name, within in value.items())
    if isinstance(value, list):
        return "list", frozenset(Counter(bare(item, key) for item in value).items())
    if isinstance(value, str) and (key in WITHOUT_CASE or key.endswith(("Id", "Alias"))):
        return "string", value.upper()
    names = {bool: "boolean", str: "string", int: "number", float: "number", type(None): "null"}
    return names[type(value)], value


def in_new_form(category: str, body: dict[str, Any]) -> tuple[dict[str, Any], bool]:
    """Return a body with its fields where the new form has them, and whether it was in the old form."""
    if category == "Account" and "alias" in body and "accountAlias" not in body:
        return {("accountAlias" if name == "alias" else name): value for name, value in body.items()}, True
    if category != "Server" or "details" in body or not body.keys() & {*MOVED_INTO_DETAILS, "locationAlias"}:
        return body, False
    moved = {
        ("locationId" if name == "locationAlias" else name): value
        for name, value in sorted(body.items())  # so that the name in the new form comes last
        if name not in MOVED_INTO_DETAILS
    }
    details = {name: body[name] for name in MOVED_INTO_DETAILS if name in body}
    if isinstance(details.get("ipAddresses"), list):
        details["ipAddresses"] = [_address_in_new_form(item) for item in details["ipAddresses"]]
    return {**moved, "details": details}, True


def _address_in_new_form(item: Any) -> Any:
    if not isinstance(item, dict) or item.keys() != {"address"} or not isinstance(item["address"], str):
        return item
    try:
        address = ip_address(item["address"])
    except ValueError:
        return item
    return {"internal" if any(address in network for network in PRIVATE) else "public": item["address"]}
