"""Makes bodies for the differ: of the sender's forms and of none, and pairs of which one came of the other."""

from typing import Any

import orjson
from hypothesis import strategies as st

from tests.support.naive_differ import WITHOUT_CASE, State, natural_keys

ACTIONS = st.sampled_from(["Created", "Updated", "Updated", None, "Deleted"])
NUMBERS = st.sampled_from([0, -0.0, 1, 1.0, 2, 4, 4.0, 4.5, 22, 22.0, 2**53 + 1, 2.0**53, 1e21, 1e-7, -3])
WORDS = st.sampled_from(
    [
        *("", "a", "A", "b", "1", "4", "22", "active", "Active", "10.0.0.9", "é", "É"),
        *("a b", "x]y", 'q"', "\\", "\x00", "\x7f"),
    ]
)
SCALARS = st.one_of(st.none(), st.booleans(), NUMBERS, WORDS)
KEYS = st.sampled_from(
    [
        *("id", "name", "alias", "userName", "hostName", "status", "powerState", "groupId", "accountAlias", "rel"),
        *("links", "disks", "partitions", "snapshots", "ipAddresses", "secondaryIPAddresses", "customFields", "tags"),
        *("alertPolicies", "partitionPaths", "details", "cpu", "memoryMB", "locationAlias", "locationId", "sizeGB"),
        *("path", "internal", "public", "address", "changeInfo", "uri", "groupUri", "href", "9"),
        *("x.y", "odd-key", "é", "", " ", 'q"', "a]b", "\x00", "line\n"),
    ]
)
PRIVATE = ["10.0.0.9", "192.168.1.1", "172.20.0.1", "169.254.0.7", "fc00::1", "FC00::1"]
PUBLIC = ["203.0.113.9", "198.51.100.40", "172.32.0.1", "8.8.8.8", "2001:4860::8"]
ADDRESSES = st.sampled_from([*PRIVATE, *PUBLIC, "no address", "10.0.0.9 ", ""])

NAMED_LISTS: dict[str, dict[str, list[Any]]] = {
    "disks": {
        "id": ["0:0", "0:1", "0:A", "0:a", 4, 4.0, "4"],
        "sizeGB": [1, 1.0, 2],
        "partitionPaths": [[], ["/"], ["/", "/a"], ["/a", "/"]],
    },
    "partitions": {"path": ["/", "/boot", "/Boot", "C:\\", "[x]", ""], "sizeGB": [0.0, 0, 13.655]},
    "snapshots": {
        "name": ["one", "ONE", "a\x00b", "\x1f", "\x7f", '"'],
        "links": [[], [{"rel": "self", "href": "/v2"}]],
    },
    "customFields": {"id": [22, 22.0, "22", "5f", "5F"], "name": ["Cost", "cost"], "value": ["x", "X", None, 1, True]},
    "alertPolicies": {"id": ["9e", "9E", "8d"], "name": ["CPU", "cpu"], "links": [[], [{"rel": "self"}]]},
    "ipAddresses": {
        "internal": ["10.0.0.9", "10.0.0.8", None],
        "public": ["203.0.113.9", "203.0.113.8"],
        "address": ["10.0.0.9", "203.0.113.9"],
    },
    "secondaryIPAddresses": {"internal": ["10.0.0.9"], "address": ["10.0.0.7", "203.0.113.7"]},
    "links": {"rel": ["self", "account", "Self"], "id": ["acme", "ACME", 1, None], "href": ["/v2/a", "/v2/b"]},
    "tags": {"id": ["a", "A", "b"], "value": [1, 1.0, True, ["x", ["y", "z"]], ["x", ["z", "y"]]]},
}


@st.composite
def objects(
    draw: st.DrawFn, fields: dict[str, st.SearchStrategy[Any]], *, always: tuple[str, ...] = ()
) -> dict[str, Any]:
    """Draw an object with some of the fields, in any order."""
    names = [name for name in draw(st.permutations(list(fields))) if name in always or draw(st.integers(0, 3))]
    return {name: draw(fields[name]) for name in names}


def lists_named(name: str) -> st.SearchStrategy[Any]:
    """Draw a list as it stands under a key: items with natural keys mostly, and odd ones at times."""
    fields = {field: st.sampled_from(values) for field, values in NAMED_LISTS[name].items()}
    items = objects(fields, always=(next(iter(fields)),))
    unique = st.lists(items, max_size=4, unique_by=lambda item: repr(natural_keys(name, [item]) or item).lower())
    odd = st.lists(st.one_of(items, SCALARS, objects(fields)), max_size=3)
    return st.one_of(unique, unique, st.lists(items, max_size=3), odd)


DETAILS = {name: lists_named(name) for name in NAMED_LISTS if name != "links"} | {
    "cpu": NUMBERS,
    "memoryMB": st.sampled_from([1024, 1024.0, 2048]),
    "powerState": st.sampled_from(["started", "Started", "stopped"]),
    "hostName": WORDS,
    "inMaintenanceMode": st.sampled_from([True, False, 1, None]),
    "cpuAutoscalePolicy": st.one_of(st.none(), objects({"id": WORDS, "links": lists_named("links")})),
}
COMMON = {
    "id": st.sampled_from(["wa1acmeweb01", "WA1ACMEWEB01", "109945"]),
    "name": st.just("WA1ACMEWEB01"),
    "description": WORDS,
    "status": st.sampled_from(["active", "Active", "archived", None]),
    "accountAlias": st.sampled_from(["ACME", "acme"]),
    "odd.key": SCALARS,
    "owner": objects({"id": WORDS}),
}
SERVERS = objects(
    COMMON
    | {
        "details": st.one_of(objects(DETAILS), objects(DETAILS), SCALARS, st.just({})),
        "groupId": st.sampled_from(["5b1c", "5B1C", "77aa"]),
        "locationId": st.sampled_from(["WA1", "wa1"]),
        "changeInfo": objects({"modifiedBy": WORDS, "modifiedDate": WORDS}),
        "links": lists_named("links"),
    }
)
OLD_SERVERS = objects(
    COMMON
    | {
        "cpu": NUMBERS,
        "diskCount": NUMBERS,
        "memoryMB": st.sampled_from([1024, 2048]),
        "storageGB": NUMBERS,
        "powerState": st.sampled_from(["Started", "Stopped"]),
        "ipAddresses": st.one_of(
            st.lists(st.builds(lambda text: {"address": text}, ADDRESSES), max_size=4),
            st.lists(st.builds(lambda text: {"address": text}, ADDRESSES), max_size=4, unique_by=str),
            lists_named("ipAddresses"),
        ),
        "locationAlias": st.sampled_from(["WA1", "wa1"]),
        "uri": WORDS,
        "groupUri": WORDS,
    }
)
ACCOUNTS = objects(
    {
        "accountAlias": st.sampled_from(["ACME", "acme"]),
        "alias": st.sampled_from(["ACME", "acme", None]),
        "businessName": WORDS,
        "parentAlias": WORDS,
        "status": st.sampled_from(["Active", "active", "Disabled"]),
        "isManaged": SCALARS,
        "fax": SCALARS,
        "owner": objects({"id": WORDS}),
        "links": lists_named("links"),
        "uri": WORDS,
    }
)
USERS = objects(
    {
        "userName": st.sampled_from(["zoe", "Zoe"]),
        "emailAddress": WORDS,
        "firstName": WORDS,
        "status": st.sampled_from(["Active", "active", "Disabled"]),
        "accountUri": WORDS,
    }
)
ANY_JSON = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(KEYS, inner, max_size=5)),
    max_leaves=25,
)
SMALL = st.one_of(SCALARS, st.lists(SCALARS, max_size=3), st.dictionaries(KEYS, SCALARS, max_size=3))
ANY_OBJECT = st.dictionaries(KEYS, ANY_JSON, max_size=6)
BODIES = {
    "Server": st.one_of(SERVERS, SERVERS, OLD_SERVERS, ANY_OBJECT),
    "Account": st.one_of(ACCOUNTS, ANY_OBJECT),
    "User": st.one_of(USERS, ANY_OBJECT),
}


@st.composite
def later(draw: st.DrawFn, value: Any) -> Any:
    """Draw what became of a value: parts go, come, change, and change places."""
    what = draw(st.integers(0, 9))
    if what == 0 or not isinstance(value, dict | list):
        return draw(SMALL) if what == 0 else draw(_near(value)) if what <= 2 else value
    if isinstance(value, list):
        items = draw(st.permutations([item for item in value if draw(st.integers(0, 6))])) if what < 6 else value
        return [draw(later(item)) for item in items]
    names = draw(st.permutations(list(value))) if what < 4 else list(value)
    changed = {name: draw(later(value[name])) for name in names if draw(st.integers(0, 9))}
    return changed | ({draw(KEYS): draw(SCALARS)} if what == 1 else {})


def _near(value: Any) -> st.SearchStrategy[Any]:
    """Draw a scalar that is the same to some rule and another to some other."""
    if isinstance(value, str):
        return st.sampled_from([value.upper(), value.lower(), value + " "])
    if value is None:
        return st.sampled_from([False, 0, ""])
    return st.sampled_from([float(value), int(value) if abs(value) < 2**60 else 0, bool(value), str(value)])


@st.composite
def notifications(draw: st.DrawFn, category: str, *, most: int = 4) -> list[State]:
    """Draw the notifications of an entity, of which each may come of the one before or not."""
    bodies = [draw(BODIES[category])]
    for _ in range(draw(st.integers(1, most - 1))):
        how = draw(st.integers(0, 3))
        before = draw(respelled(bodies[-1])) if how == 1 else bodies[-1]
        body = draw(later(before) if how else BODIES[category])
        bodies.append(body if isinstance(body, dict) else {})
    return [State(category, draw(ACTIONS), orjson.dumps(body)) for body in bodies]


@st.composite
def respelled(draw: st.DrawFn, value: Any, name: str = "") -> Any:
    """Draw a value that means the same: in another order, with numbers spelled otherwise, and ids in another case."""
    if isinstance(value, dict):
        return {key: draw(respelled(value[key], key)) for key in draw(st.permutations(list(value)))}
    if isinstance(value, list):
        return [draw(respelled(item, name)) for item in draw(st.permutations(value))]
    if isinstance(value, str) and (name in WITHOUT_CASE or name.endswith(("Id", "Alias"))):
        return draw(st.sampled_from([value, value.upper(), value.lower()]))
    if isinstance(value, int) and not isinstance(value, bool) and float(value) == value:
        return draw(st.sampled_from([value, float(value)]))
    return int(value) if isinstance(value, float) and value in range(-1_000, 1_000) else value


def in_old_form(category: str, body: dict[str, Any]) -> dict[str, Any]:
    """Write a body as the platform did in 2013, as far as that form can tell it."""
    if category == "Account":
        kept = {name: value for name, value in body.items() if name not in LATER_OF_ACCOUNTS}
        return {"uri": f"/v2/accounts/{body['accountAlias']}", "alias": body["accountAlias"], **kept, "fax": None}
    details = body["details"]
    alias = next(link["id"] for link in body["links"] if link["rel"] == "account").upper()
    public = [item["public"] for item in details["ipAddresses"] if "public" in item]
    internal = [item["internal"] for item in details["ipAddresses"] if "internal" in item]
    return {
        "accountAlias": alias,
        "accountUri": f"/v2/accounts/{alias}",
        **{name: details[name] for name in ("cpu", "diskCount", "memoryMB", "storageGB")},
        **{name: body[name] for name in ("description", "isTemplate", "name", "osType")},
        "groupUri": "/v2/serverGroups/UC1/2207",
        "id": "88121",
        "ipAddresses": [{"address": text} for text in public + internal],
        "locationAlias": body["locationId"],
        "powerState": details["powerState"].capitalize(),
        "status": body["status"].capitalize(),
        "uri": f"/v2/servers/UC1/{body['name']}",
    }


LATER_OF_ACCOUNTS = {"accountAlias", "isManaged", "links", "parentAlias", "primaryDataCenter"}


def nested(depth: int, opening: str = "[", innermost: str = "", closing: str = "]") -> str:
    """Write a value that lies so many levels deep."""
    return opening * depth + innermost + closing * depth


DEPTHS = (15, 16, 17, 254, 255, 900, 1_000, 1_020)
ODDEST = [
    *("1e400", "-1e400", "1e999999999999999999999", "-1e999999999999999999999", "9" * 400, "-" + "9" * 400),
    *("18446744073709551615", "18446744073709551616", "-9223372036854775808", "-9223372036854775809"),
    *("-0", "-0.0", "5e-324", "1e-400", "0e999", '"\\u0000"', '"\\ud83d\\ude00"', '{"\\u0000":{"a\\u0000b":1}}'),
    *("[1e400]", '[1e400,"1E+400",2]', "[1e400,-9223372036854775809]", '{"a":1e400,"b":-9223372036854775809}'),
    *(nested(depth) for depth in DEPTHS),
    *(nested(depth, innermost="1e400") for depth in DEPTHS),
    *(nested(depth, '{"a":', "1", "}") for depth in DEPTHS),
    *(nested(depth, '{"disks":[{"id":', "7", "}]}") for depth in (3, 5, 6, 100, 300)),
    *("{" + ",".join(f'"k{number}":{number}' for number in range(count)) + "}" for count in (1_999, 2_001, 5_000)),
    '"' + "x" * 100_000 + '"',
]
ODD_VALUES = st.one_of(ANY_JSON.map(lambda value: orjson.dumps(value).decode()), st.sampled_from(ODDEST))
ODD_KEYS = st.one_of(KEYS, KEYS, st.sampled_from(["\\u0000", "a\\u0000b", "\\u001f", "\\ud83d\\ude00", "x" * 10_000]))


@st.composite
def odd_notifications(draw: st.DrawFn) -> State:
    """Draw a notification with whatever a JSON object can hold, written as it comes, with keys twice at times."""
    fields = [
        (name if "\\u" in name else orjson.dumps(name).decode()[1:-1], value)
        for name, value in draw(st.lists(st.tuples(ODD_KEYS, ODD_VALUES), max_size=5))
    ]
    text = "{" + ",".join(f'"{name}":{value}' for name, value in fields) + "}"
    return State(draw(st.sampled_from(sorted(BODIES))), draw(ACTIONS), text.encode())
