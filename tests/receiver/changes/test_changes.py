"""What a notification changed: every case, with rows written by hand."""

import json
import random
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from receiver.changes import differ
from receiver.changes.change import Change, Snapshot
from receiver.changes.differ import Differ
from receiver.database.opening import run
from receiver.database.rows import insert_notifications
from receiver.deriving import Deriver, make_read, write_changes
from receiver.deriving.tables import Rebuild
from receiver.notification import FIRST_SENDER, NumberedNotification
from receiver.senders import CENTURYLINK
from tests.support.changes_bodies import nested
from tests.support.database import open_database
from tests.support.rows import NOON, notification
from tests.support.sizes import size

USER = {"accountAlias": "ACME", "userName": "kim@acme.example", "emailAddress": "kim@acme.example", "status": "Active"}
SERVER: dict[str, Any] = {
    "id": "wa1acmeweb01",
    "name": "WA1ACMEWEB01",
    "status": "active",
    "details": {
        "ipAddresses": [{"internal": "10.1.2.3"}],
        "cpu": 2,
        "powerState": "started",
        "disks": [{"id": "0:0", "sizeGB": 1}, {"id": "0:1", "sizeGB": 16}],
        "partitions": [{"sizeGB": 0.0, "path": "(swap)"}, {"sizeGB": 13.655, "path": "/"}],
        "customFields": [{"id": 22, "name": "Cost Center", "value": "IT"}],
    },
    "changeInfo": {"modifiedBy": "kim", "modifiedDate": "2026-03-04T12:00:00Z"},
    "links": [{"rel": "self", "href": "/v2/servers/acme/wa1acmeweb01", "id": "wa1acmeweb01"}],
}
FLAT = {
    "accountAlias": "ACME", "accountUri": "/v2/accounts/ACME", "cpu": 2, "id": "109945", "locationAlias": "WA1",
    "ipAddresses": [{"address": "203.0.113.9"}, {"address": "10.1.2.3"}], "name": "WA1ACMEWEB01",
    "powerState": "Started", "status": "Active", "uri": "/v2/servers/WA1/WA1ACMEWEB01",
}  # fmt: skip
UNSEEN = Change("", "unseen", False, None, None)
UNSEEN_ROW = UNSEEN[:5]

changes_of = partial(differ.list_changes, Differ(CENTURYLINK.comparison))


def known(body, action="Updated", category="Server"):
    return Snapshot(category, action, body if isinstance(body, bytes) else json.dumps(body).encode())


def rows_of(before, now, category="Server", action="Updated"):
    changes = changes_of(known(before, category=category), known(now, action, category))
    return [
        (path, kind, noise, old and json.loads(old), new and json.loads(new))
        for path, kind, noise, old, new, _ in changes
    ]


def changed(body, **details):
    return {**body, "details": {**body["details"], **details}}


def test_first_sight_is_one_row_without_values():
    assert changes_of(None, known(SERVER)) == [Change("", "added", False, None, None)]
    assert changes_of(None, known(USER, "Created", "User")) == [Change("", "added", False, None, None)]


def test_a_field_that_differs_is_told_with_its_old_and_new_value():
    assert rows_of(USER, {**USER, "emailAddress": "k@evil.example"}, "User") == [
        ("emailAddress", "changed", False, "kim@acme.example", "k@evil.example")
    ]


def test_a_field_that_comes_or_goes_is_another_thing_than_one_that_is_null():
    before, now = {**USER, "fax": None}, {**USER, "title": None}
    found = changes_of(known(before, category="User"), known(now, category="User"))
    assert found == [Change("fax", "removed", False, "null", None), Change("title", "added", False, None, "null")]


def test_an_update_in_which_nothing_differs_shows_that_something_unseen_changed():
    assert rows_of(USER, USER, "User") == [UNSEEN_ROW]
    assert rows_of(USER, dict(reversed(USER.items())), "User") == [UNSEEN_ROW]
    assert rows_of(USER, USER, "User", action=None) == [UNSEEN_ROW]
    assert rows_of(USER, USER, "User", action="Created") == []


def test_what_tells_nobody_anything_is_kept_as_noise_and_hides_no_unseen_change():
    later = {"modifiedBy": "lee", "modifiedDate": "2026-03-04T13:00:00Z"}
    links = [{"rel": "self", "href": "/v2/servers/acme/wa1acmeweb01", "id": "wa1acmeweb01", "verbs": ["GET"]}]
    assert rows_of(SERVER, {**SERVER, "changeInfo": later, "links": links}) == [
        UNSEEN_ROW,
        ("changeInfo.modifiedBy", "changed", True, "kim", "lee"),
        ("changeInfo.modifiedDate", "changed", True, "2026-03-04T12:00:00Z", "2026-03-04T13:00:00Z"),
        ("links[self wa1acmeweb01].verbs", "added", True, None, ["GET"]),
    ]


@pytest.mark.parametrize("empty", [[], {}])
def test_an_update_that_adds_or_takes_away_an_empty_list_or_object_shows_it_and_hides_nothing(empty):
    with_it = {**USER, "phones": empty}
    assert rows_of(USER, with_it, "User") == [("phones", "added", False, None, empty)]
    assert rows_of(with_it, USER, "User") == [("phones", "removed", False, empty, None)]
    found = changes_of(known({**USER, "phones": None}, category="User"), known(with_it, category="User"))
    assert found == [Change("phones", "changed", False, "null", json.dumps(empty))]


def test_a_public_address_shows_whether_it_comes_with_an_internal_one_or_not():
    own = changed(SERVER, ipAddresses=[{"internal": "10.1.2.3", "public": "203.0.113.9"}])
    assert rows_of(SERVER, own) == [("details.ipAddresses[10.1.2.3].public", "added", False, None, "203.0.113.9")]
    both = [{"public": "203.0.113.9", "internal": "10.1.2.4"}, {"internal": "10.1.2.3"}]
    assert rows_of(SERVER, changed(SERVER, ipAddresses=both)) == [
        ("details.ipAddresses[10.1.2.4]", "added", False, None, {"public": "203.0.113.9", "internal": "10.1.2.4"})
    ]
    moved = changed(SERVER, ipAddresses=[{"internal": "10.1.2.3", "public": "203.0.113.10"}])
    assert rows_of(own, moved) == [
        ("details.ipAddresses[10.1.2.3].public", "changed", False, "203.0.113.9", "203.0.113.10")
    ]


def test_lists_are_matched_by_natural_key_never_by_position():
    disks = [{"id": "0:2", "sizeGB": 5}, {"id": "0:1", "sizeGB": 32}]
    fields = [{"id": "22", "name": "Cost Center", "value": "R&D"}]
    now = changed(SERVER, disks=disks, partitions=SERVER["details"]["partitions"][::-1], customFields=fields)
    assert rows_of(SERVER, now) == [
        ("details.customFields[22].id", "changed", False, 22, "22"),
        ("details.customFields[22].value", "changed", False, "IT", "R&D"),
        ("details.disks[0:0]", "removed", False, {"id": "0:0", "sizeGB": 1}, None),
        ("details.disks[0:1].sizeGB", "changed", False, 16, 32),
        ("details.disks[0:2]", "added", False, None, {"id": "0:2", "sizeGB": 5}),
    ]


def test_a_list_without_natural_keys_is_one_value_whose_order_does_not_matter():
    before, now = changed(SERVER, tags=["a", "b", {"x": [1, 2]}]), changed(SERVER, tags=[{"x": [2, 1.0]}, "b", "a"])
    assert rows_of(before, now) == [UNSEEN_ROW]
    assert rows_of(before, changed(SERVER, tags=["a"])) == [
        ("details.tags", "changed", False, ["a", "b", {"x": [1, 2]}], ["a"])
    ]
    doubled = [{"id": "0:0", "sizeGB": 1}, {"id": "0:0", "sizeGB": 2}]
    assert [row[:3] for row in rows_of(SERVER, changed(SERVER, disks=doubled))] == [("details.disks", "changed", False)]


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("cpu", b"2", b"2.0"),
        ("sizeGB", b"13.650", b"13.65"),
        ("memoryMB", b"1e3", b"1000"),
        ("id", b'"WA1ACMEWEB01"', b'"wa1acmeweb01"'),
        ("accountAlias", b'"acme"', b'"ACME"'),
        ("userName", '"groß"'.encode(), b'"GROSS"'),
        ("snapshots", '[{"name":"groß"}]'.encode(), b'[{"name":"GROSS"}]'),
        ("groupId", b'"ABC"', b'"abc"'),
        ("far", b"1e400", b"1.0e400"),
    ],
)
def test_numbers_compare_by_value_and_ids_without_case(name, old, new):
    before, now = (b'{"a":0,"%s":%s}' % (name.encode(), value) for value in (old, new))
    assert changes_of(known(before), known(now)) == [UNSEEN]


@pytest.mark.parametrize(
    ("old", "new"),
    [(b"1", b"true"), (b"0", b"false"), (b'"1"', b"1"), (b"null", b"0"), (b"[]", b"{}"), (b'"a"', b'"A"'),
     (b"9007199254740993", b"9007199254740992"), (b"1e400", b"2e400")],
)  # fmt: skip
def test_what_means_another_thing_differs(old, new):
    found = changes_of(known(b'{"x":%s}' % old), known(b'{"x":%s}' % new))
    assert [change[:3] for change in found] == [("x", "changed", False)]


def test_a_deletion_is_a_row_of_its_own_with_what_differs():
    gone = {**USER, "status": "Deleted"}
    assert rows_of(USER, gone, "User", "Deleted") == [
        ("", "removed", False, None, None),
        ("status", "changed", False, "Active", "Deleted"),
    ]
    bare = {"accountAlias": "ACME", "name": "WA1ACMEWEB01"}
    assert rows_of(SERVER, bare, action="Deleted") == [("", "removed", False, None, None)]
    assert changes_of(None, known(bare, "Deleted")) == [Change("", "removed", False, None, None)]


def test_of_a_new_form_after_an_old_one_only_what_both_tell_counts():
    now = {
        **changed(SERVER, ipAddresses=[{"public": "203.0.113.9", "internal": "10.1.2.4"}, {"internal": "10.1.2.3"}]),
        "locationId": "WA1",
    }
    found = rows_of(FLAT, changed(now, cpu=4, powerState="stopped"))
    assert [row for row in found if not row[2]] == [
        ("details.cpu", "changed", False, 2, 4),
        ("details.ipAddresses[10.1.2.4]", "added", False, None, now["details"]["ipAddresses"][0]),
        ("details.powerState", "changed", False, "Started", "stopped"),
    ]
    noise = {row[0] for row in found if row[2]}
    assert {"id", "uri", "accountUri", "details.ipAddresses[203.0.113.9]"} <= noise
    old_account = {"alias": "RLS1", "businessName": "Toys", "fax": None, "status": "Active"}
    new_account = {"accountAlias": "rls1", "businessName": "Toys, Inc", "status": "Active", "parentAlias": "T3N"}
    assert [row for row in rows_of(old_account, new_account, "Account") if not row[2]] == [
        ("businessName", "changed", False, "Toys", "Toys, Inc")
    ]


def test_details_that_come_after_construction_are_noise_but_for_the_addresses():
    early = {key: value for key, value in SERVER.items() if key != "details"} | {"status": "underConstruction"}
    assert [row for row in rows_of(early, SERVER) if not row[2]] == [
        ("details.ipAddresses[10.1.2.3]", "added", False, None, {"internal": "10.1.2.3"}),
        ("status", "changed", False, "underConstruction", "active"),
    ]
    assert [row for row in rows_of(SERVER, early) if not row[2]] == [
        ("status", "changed", False, "active", "underConstruction")
    ]


def test_odd_names_are_spelled_so_that_a_path_has_one_meaning():
    now = {**SERVER, "a.b": 1, "": 2, "ünï": 3}
    now = changed(now, partitions=[*SERVER["details"]["partitions"], {"path": 'C:\\ ["x]'}, {"path": ""}])
    paths = [row[0] for row in rows_of(SERVER, now)]
    assert paths == [
        '""',
        '"\\u00fcn\\u00ef"',
        '"a.b"',
        'details.partitions[""]',
        'details.partitions["C:\\\\ [\\"x]"]',
    ]


def test_no_body_however_odd_stops_the_comparison():
    odd = json.dumps({f"k{number}": number for number in range(5_000)}).encode()
    assert changes_of(known(SERVER), known(odd)) == [Change("", "changed", False, None, None)]
    assert changes_of(known(odd), known(odd)) == [UNSEEN]


@pytest.mark.parametrize("depth", [200, 300, 340, 900, 1_020])
@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")])
def test_what_changes_beside_a_value_that_is_nested_deep_and_in_it_is_found(depth, opening, closing):
    def body(name, inner):
        value = nested(depth, opening, inner, closing)
        return known(f'{{"name":"{name}","x":{value},"y":[{{"id":1}}]}}'.encode())

    def paths(before, now):
        return [change.path for change in changes_of(before, now) if not change.noise]

    assert paths(body("a", "1"), body("b", "1")) == ["name"]
    assert [path[0] for path in paths(body("a", "1"), body("a", "2"))] == ["x"]
    assert paths(body("a", '{"b":1,"c":2}'), body("a", '{"b":1, "c":2}')) == [""]


def test_long_names_are_not_repeated_without_end():
    """A body of a few kilobytes, whose every path or row would repeat most of it."""
    old, new = ({"k" * 20_000: {f"x{number}": value for number in range(1_900)}} for value in (1, 2))
    assert changes_of(known(old), known(new)) == [Change("", "changed", False, None, None)]
    before, now = ({f"x{number}": value for number in range(1_900)} for value in (1, 2))
    assert len(changes_of(known(before), known(now))) == 1_900
    assert changes_of(known(before), known(now)._replace(weight=400_000)) == [Change("", "changed", False, None, None)]


@pytest.fixture
def store(tmp_path):
    connection = open_database(tmp_path / "clc.duckdb")
    yield connection
    connection.close()


class Derivation:
    """Stores notifications as the appender does, and derives from them by `queries`."""

    def __init__(self, store):
        self.store = store
        self.queries = []
        self.deriver = Deriver(self.read)
        self.seq = 0

    def read(self, sql, parameters):
        self.queries.append(sql)
        return make_read(self.store)(sql, parameters)

    def take(self, *rows, copy_of=None):
        batch = [NumberedNotification(self.seq + place, row, copy_of) for place, row in enumerate(rows, 1)]
        self.seq += len(rows)
        derived = self.deriver.derive(batch)
        insert_notifications(self.store, batch)
        write_changes(self.store, "changes", derived)
        self.deriver.settle(derived)

    def rows(self):
        return run(
            self.store,
            "SELECT seq, path, kind, old_value, new_value FROM changes WHERE NOT noise ORDER BY changed_at, seq, path",
        )


def user(minute, status="Active", **columns):
    at = NOON + timedelta(minutes=minute)
    body = json.dumps({**USER, "status": status}).encode()
    return notification(entity_id="KIM@ACME.EXAMPLE", received_at=at, occurred_at=at, payload=body, **columns)


def test_every_column_says_which_notification_made_the_change(store):
    derivation = Derivation(store)
    sent = user(1, "Disabled", actor="kim")
    derivation.take(user(0), sent)
    names = [name for name, *_ in store.execute("SELECT * FROM changes LIMIT 0").description]
    row = dict(zip(names, run(store, "SELECT * FROM changes WHERE seq = 2")[0], strict=True))
    assert row == {
        "notification_id": sent.id, "seq": 2, "changed_at": sent.occurred_at, "category": "User",
        "entity_id": "KIM@ACME.EXAMPLE", "account_alias": "ACME", "actor": "kim", "path": "status", "kind": "changed",
        "noise": False, "old_value": '"Active"', "new_value": '"Disabled"', "told": False, "sender": FIRST_SENDER,
    }  # fmt: skip


def test_what_comes_back_after_a_deletion_is_compared_without_a_query(store):
    derivation = Derivation(store)
    derivation.take(user(0))
    derivation.take(user(1, "Disabled", action="Deleted"))
    derivation.queries.clear()
    derivation.take(user(2, "Locked", action="Created"), user(3, "Locked", action="Deleted"))
    derivation.take(user(4, "Active"))
    assert derivation.queries == []
    assert [row for row in derivation.rows() if row[1] == "status"] == [
        (2, "status", "changed", '"Active"', '"Disabled"'),
        (3, "status", "changed", '"Active"', '"Locked"'),
        (5, "status", "changed", '"Locked"', '"Active"'),
    ]


@pytest.mark.parametrize("seed", range(size(1, 300)))
def test_whatever_comes_in_whatever_batches_its_changes_are_those_of_a_rebuild(store, seed):
    drawn = random.Random(seed)
    derivation = Derivation(store)
    for turn in range(30):
        if drawn.random() < 0.1:
            derivation.deriver = Deriver(derivation.read)
        batch = [draw_user(drawn, turn) for _ in range(drawn.randint(1, 3))]
        derivation.take(*batch)
    one_by_one = derivation.rows()
    rebuild = Rebuild(store.cursor())
    rebuild.begin()
    while rebuild.done is not None:
        rebuild.step()
    assert derivation.rows() == one_by_one


def draw_user(drawn, turn):
    """Return a notification of one of two users, which may be late or a deletion."""
    row = user(
        turn - drawn.choice([0, 0, 0, 1.5, 4.5]), drawn.choice("abc"), action=drawn.choice(["Updated", "Deleted"])
    )
    return row._replace(entity_id=drawn.choice(["KIM", "EVE"]), received_at=NOON + timedelta(hours=1, minutes=turn))


@pytest.mark.parametrize("together", [True, False], ids=["in one batch", "one by one"])
@pytest.mark.parametrize("order", [(0, 1, 2), (0, 2, 1), (2, 1, 0), (1, 2, 0)])
def test_notifications_are_compared_in_the_order_in_which_they_happened(store, together, order):
    happened = [user(0), user(1, "Disabled"), user(2, "Deleted")]
    derivation = Derivation(store)
    arriving = [happened[index] for index in order]
    for batch in [arriving] if together else [[row] for row in arriving]:
        derivation.take(*batch)
    assert [row[1:] for row in derivation.rows()] == [
        ("", "added", None, None),
        ("status", "changed", '"Active"', '"Disabled"'),
        ("status", "changed", '"Disabled"', '"Deleted"'),
    ]


def test_what_came_before_is_known_after_a_new_start(store):
    Derivation(store).take(user(0))
    again = Derivation(store)
    again.seq = 1
    again.take(user(1, "Disabled"))
    assert again.rows()[1:] == [(2, "status", "changed", '"Active"', '"Disabled"')]


def test_copies_and_alerts_change_nothing(store):
    derivation = Derivation(store)
    first = user(0)
    derivation.take(first)
    derivation.take(user(0.1), copy_of=first.id)
    derivation.take(notification(7, category="Alert", event_type="Alert.Notification", entity_id="KIM@ACME.EXAMPLE"))
    derivation.take(notification(8, entity_id=None))
    derivation.take(user(1))
    assert derivation.rows() == [(1, "", "added", None, None), (5, "", "unseen", None, None)]


def test_a_clock_that_is_fast_brings_no_deleted_entity_back(store):
    """An update says that it happened half a minute after it came; meanwhile the deletion comes, which has no time."""
    derivation = Derivation(store)
    ahead = user(1)._replace(occurred_at=NOON + timedelta(minutes=1.5))
    derivation.take(user(0), ahead)
    derivation.take(user(1.2, action="Deleted"))
    assert [row[1:3] for row in derivation.rows() if row[1] == ""] == [("", "added"), ("", "unseen"), ("", "removed")]
    assert run(store, "SELECT last_seq, deleted FROM entities") == [(3, True)]


def test_a_time_that_never_comes_does_not_pin_an_entity(store):
    derivation = Derivation(store)
    derivation.take(user(0), user(1)._replace(occurred_at=NOON.replace(year=9999)))
    derivation.take(user(2, "Disabled"))
    assert run(store, "SELECT last_seq, payload ->> 'status' FROM entities") == [(3, "Disabled")]


def test_no_change_is_later_than_the_receipt_of_its_notification(store):
    derivation = Derivation(store)
    derivation.take(user(0), user(1, "Disabled")._replace(occurred_at=NOON.replace(year=9999)))
    derivation.take(user(3), user(2)._replace(occurred_at=NOON.replace(year=2999)))
    moments = run(store, "SELECT seq, changed_at FROM changes WHERE path <> '' ORDER BY seq")
    assert moments == [(2, NOON + timedelta(minutes=1)), (4, NOON + timedelta(minutes=2))]
