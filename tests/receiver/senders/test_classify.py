"""Which columns each form of body gives; every expected value is written by hand."""

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from receiver.senders.centurylink.events import EVENTS, classify, find_event_by_path
from receiver.senders.request import parse_body
from receiver.senders.sender import Event
from tests.support import bodies
from tests.support.sizes import size

RECEIVED = datetime(2020, 5, 6, 7, 8, 9, 123456, tzinfo=UTC)


def at(year, month, day, hour=0, minute=0, second=0, microsecond=0):
    return datetime(year, month, day, hour, minute, second, microsecond, tzinfo=UTC)


def told(action, account, entity, actor=None, occurred_at=RECEIVED):
    """Write down what a body tells: its action, where it shows, and the columns that no route changes."""
    return action, (account, entity, actor, occurred_at)


MODIFIED = at(2016, 7, 19, 22, 14, 31)
REAL_MODIFIED = at(2015, 11, 9, 6, 33, 40)
ALERT_ENDED = at(2016, 2, 11, 4, 25)

FORMS = {
    "account": ("Account", bodies.ACCOUNT, told(None, "KELP", "KELP")),
    "account of 2013": ("Account", bodies.ACCOUNT_2013, told(None, "MOSS", "MOSS")),
    "account deleted": ("Account", bodies.ACCOUNT_DELETED, told("Deleted", "KELP", "KELP")),
    "user": ("User", bodies.USER, told(None, "KELP", "ZOË.KELP")),
    "user deleted": ("User", bodies.USER_DELETED, told("Deleted", "KELP", "OLD.HAND")),
    "user masked": ("User", bodies.USER_MASKED, told(None, "TEST", "TESTINGWH")),
    "server": ("Server", bodies.SERVER, told("Updated", "KELP", "GB3KELPWEB01", "ops@kelp.example", MODIFIED)),
    "server of 2013": ("Server", bodies.SERVER_2013, told(None, "MOSS", "UC1MOSSTILL0101")),
    "real server": ("Server", bodies.SERVER_REAL, told(None, "MOSS", "VA1MOSSDB03", "baker.moss", REAL_MODIFIED)),
    "server deleted": ("Server", bodies.SERVER_DELETED, told("Deleted", "KELP", "GB3KELPWEB01")),
    "alert": ("Alert", bodies.ALERT, told("Notification", "KELP", "GB3KELPWEB01", None, ALERT_ENDED)),
}


def columns(path, raw, query_action=None):
    return tuple(classify(find_event_by_path(path, query_action), parse_body(raw), RECEIVED))[:-1]


@pytest.mark.parametrize(("category", "raw", "expected"), FORMS.values(), ids=FORMS)
def test_every_form_of_body_gives_its_columns_on_every_fitting_route(category, raw, expected):
    inferred, rest = expected
    name = f"{category}.{inferred}" if inferred else None
    assert columns(f"/webhook/{category.lower()}", raw) == (name, category, inferred, *rest)
    for action in ["Notification"] if category == "Alert" else ["Created", "Updated", "Deleted"]:
        stated = (f"{category}.{action}", category, action, *rest)
        assert columns(f"/webhooks/{category}.{action}", raw) == stated
        assert columns(f"/webhook/{category}", raw, action.lower()) == stated


def classified(category, body, action=None):
    return classify(Event(category, action), body, RECEIVED)


LINK_SELF = {"rel": "self", "href": "/v2/servers/moss/va1mossdb03"}
LINK_ACCOUNT = {"rel": "account", "href": "/v2/accounts/moss", "id": "reef"}


@pytest.mark.parametrize(
    ("category", "body", "account"),
    [
        ("Account", {"accountAlias": "kelp", "alias": "moss"}, "KELP"),
        ("Account", {"accountAlias": "", "alias": "moss"}, "MOSS"),
        ("Account", {"alias": 7, "uri": "/v2/accounts/moss"}, "MOSS"),
        ("Account", {"uri": "https://api.example/v2/accounts/moss/"}, "MOSS"),
        (
            "Account",
            {
                "links": [
                    {"rel": "parentAccount", "href": "/v2/accounts/REEF"},
                    {"rel": "self", "href": "/v2/accounts/k"},
                ]
            },
            "K",
        ),
        ("Account", {"links": [{"rel": "parentAccount", "href": "/v2/accounts/REEF"}]}, None),
        ("Account", {"uri": "/v2/users/moss"}, None),
        ("User", {"accountAlias": "kelp", "accountUri": "/v2/accounts/MOSS"}, "KELP"),
        ("User", {"accountUri": "/v2/accounts/moss"}, "MOSS"),
        ("User", {"accountUri": "/v2/accounts/"}, None),
        ("User", {"accountUri": "moss"}, None),
        ("User", {"alias": "moss"}, None),
        ("Server", {"accountAlias": "kelp", "links": [LINK_ACCOUNT]}, "KELP"),
        ("Server", {"links": [LINK_SELF, LINK_ACCOUNT]}, "REEF"),
        ("Server", {"links": [{"rel": "account", "id": 5, "href": "/v2/accounts/moss"}]}, "MOSS"),
        ("Server", {"links": [{"rel": "account"}, LINK_ACCOUNT]}, "REEF"),
        ("Server", {"links": [LINK_SELF]}, "MOSS"),
        ("Server", {"links": [{"rel": "group", "href": "/v2/groups/moss/5b1c"}]}, "MOSS"),
        ("Server", {"links": [{"rel": "billing", "href": "/v2/billing/moss/serverPricing/X"}]}, "MOSS"),
        ("Server", {"links": [{"rel": "other", "href": "/v2/networks/moss/5b1c"}]}, None),
        ("Server", {"links": [{"rel": "self", "href": "/v2/servers/moss"}]}, None),
        ("Server", {"accountUri": "/v2/accounts/moss", "uri": "/v2/servers/WA1/WA1MOSSX01"}, "MOSS"),
        ("Server", {"uri": "/v2/servers/WA1/WA1MOSSX01"}, None),
        ("Alert", {"accountAlias": "kelp"}, "KELP"),
        ("Alert", {"alias": "kelp"}, None),
    ],
)
def test_the_account_comes_from_the_first_place_that_has_one(category, body, account):
    assert classified(category, body).account_alias == account


@pytest.mark.parametrize(
    ("category", "body", "entity"),
    [
        ("Account", {"alias": "moss", "name": "x"}, "MOSS"),
        ("User", {"userName": "straße", "uri": "/v2/users/x"}, "STRASSE"),
        ("User", {"userName": None, "uri": "/v2/users/zoe%40kelp.example"}, "ZOE@KELP.EXAMPLE"),
        ("User", {"emailAddress": "zoe@kelp.example"}, None),
        ("Server", {"name": "va1mossdb03", "id": "109"}, "VA1MOSSDB03"),
        ("Server", {"id": "va1mossdb03", "uri": "/v2/servers/WA1/X"}, "VA1MOSSDB03"),
        ("Server", {"id": 109, "uri": "/v2/servers/WA1/wa1mossx01"}, "WA1MOSSX01"),
        ("Server", {"links": [LINK_ACCOUNT, LINK_SELF]}, "VA1MOSSDB03"),
        ("Server", {"links": [{"rel": "statistics", "href": "/v2/servers/moss/x/statistics"}]}, None),
        ("Alert", {"serverName": "va1mossdb03"}, "VA1MOSSDB03"),
        ("Alert", {"name": "va1mossdb03"}, None),
        ("Server", {"name": "n" * 100_000}, "N" * 100_000),
        ("User", {"userName": " \u202e<script>\x00 "}, " \u202e<SCRIPT>\x00 "),
    ],
)
def test_the_entity_comes_from_the_first_place_that_names_it(category, body, entity):
    assert classified(category, body).entity_id == entity


@pytest.mark.parametrize("category", ["Account", "Alert", "Server", "User"])
def test_the_actor_is_whoever_made_the_change_as_written(category):
    assert classified(category, {"changeInfo": {"modifiedBy": "Zoë <b>"}}).actor == "Zoë <b>"
    assert classified(category, {"changeInfo": {"createdBy": "zoe"}}).actor is None


@pytest.mark.parametrize(
    ("category", "body", "action"),
    [
        ("Account", {"status": "DELETED"}, "Deleted"),
        ("Account", {"status": "Disabled"}, None),
        ("User", {"status": "deleted"}, "Deleted"),
        ("User", {"status": "Active"}, None),
        ("User", {"accountAlias": "KELP", "name": "zoe"}, None),
        ("Server", {"status": "Deleted"}, "Deleted"),
        ("Server", {"status": "queuedForDelete"}, None),
        ("Server", {"name": "X", "accountAlias": "KELP"}, "Deleted"),
        ("Server", {"name": "X", "accountAlias": "KELP", "status": "active"}, None),
        ("Server", {"name": "X"}, None),
        ("Server", {"name": 5, "accountAlias": "KELP"}, None),
        ("Server", {"name": "", "accountAlias": "KELP"}, None),
        ("Server", {}, None),
        ("Alert", {}, "Notification"),
        ("Alert", {"status": "Deleted"}, "Notification"),
    ],
)
def test_the_action_is_inferred_where_the_body_allows_it(category, body, action):
    classification = classified(category, body)
    assert classification.action == action
    assert classification.event_type == (f"{category}.{action}" if action else None)


@pytest.mark.parametrize(
    ("created", "modified", "action"),
    [
        ("2016-01-01T10:00:00Z", "2016-01-01T10:00:00Z", "Created"),
        ("2016-01-01T10:00:00Z", "2016-01-01T10:01:00Z", "Created"),
        ("2016-01-01T10:01:00Z", "2016-01-01T10:00:00Z", "Created"),
        ("2016-01-01T10:00:00Z", "2016-01-01T12:00:00+02:00", "Created"),
        ("2016-01-01T10:00:00Z", "2016-01-01T10:01:00.001Z", None),
        ("2016-01-01T10:00:00Z", "2016-01-01T11:00:00Z", None),
        ("2016-01-01T10:00:00Z", "2016-01-01T11:00:01Z", "Updated"),
        ("2016-01-01T12:00:00Z", "2016-01-01T10:00:00Z", None),
        ("2016-01-01T10:00:00Z", "0001-01-01T00:00:00Z", None),
        ("0001-01-01T00:00:00Z", "2016-01-01T10:00:00Z", None),
        ("2016-01-01T10:00:00Z", None, None),
        (None, "2016-01-01T10:00:00Z", None),
        ("yesterday", "2016-01-01T10:00:00Z", None),
    ],
)
def test_a_servers_action_is_inferred_from_how_far_its_dates_lie_apart(created, modified, action):
    body = {"status": "active", "changeInfo": {"createdDate": created, "modifiedDate": modified}}
    assert classified("Server", body).action == action
    assert classified("Server", body | {"status": "deleted"}).action == "Deleted"


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.event_type)
def test_an_action_that_the_event_states_is_never_overridden(event):
    for body in (bodies.SERVER_DELETED, bodies.USER_DELETED, bodies.SERVER):
        classification = classify(event, parse_body(body), RECEIVED)
        assert classification[:3] == (event.event_type, event.category, event.action)


@pytest.mark.parametrize(
    ("text", "occurred_at"),
    [
        ("2016-07-19T22:14:31Z", at(2016, 7, 19, 22, 14, 31)),
        ("2016-07-19t22:14:31z", at(2016, 7, 19, 22, 14, 31)),
        ("2016-07-19T22:14:31", at(2016, 7, 19, 22, 14, 31)),
        ("2016-07-19 22:14", at(2016, 7, 19, 22, 14)),
        ("2016-07-19T22:14:31+05:30", at(2016, 7, 19, 16, 44, 31)),
        ("2016-12-31T22:00:00-0800", at(2017, 1, 1, 6)),
        ("2016-07-19T22:14:31.5Z", at(2016, 7, 19, 22, 14, 31, 500000)),
        ("2016-07-19T22:14:31.1234567Z", at(2016, 7, 19, 22, 14, 31, 123456)),
        ("2016-07-19T22:14:31." + "9" * 5000 + "+01:00", at(2016, 7, 19, 21, 14, 31, 999999)),
        ("9999-12-31T23:59:59Z", at(9999, 12, 31, 23, 59, 59)),
        ("2016-07-19", RECEIVED),
        ("2016-07-19+01:00", RECEIVED),
        ("20160719", RECEIVED),
        ("2016-W29-2", RECEIVED),
        ("2016-07-19T", RECEIVED),
        ("0001-01-01T00:00:00Z", RECEIVED),
        ("0001-01-01T00:00:00.0000000", RECEIVED),
        ("9999-12-31T23:59:59-01:00", RECEIVED),
        ("10000-01-01T00:00:00Z", RECEIVED),
        ("+12016-07-19T22:14:31Z", RECEIVED),
        ("2016-02-30T00:00:00Z", RECEIVED),
        ("2016-07-19T25:00:00Z", RECEIVED),
        ("2016-07-19T22:14:31+99:00", RECEIVED),
        ("/Date(1468966471000)/", RECEIVED),
        ("T" * 100_000, RECEIVED),
        (" ", RECEIVED),
        ("\u0662\u0660\u0661\u0666-07-19T22:14:31Z", RECEIVED),
    ],
)
def test_a_servers_time_is_its_modified_date_where_that_can_be_read(text, occurred_at):
    time = classified("Server", {"changeInfo": {"modifiedDate": text}}).occurred_at
    assert time == occurred_at
    assert time.tzinfo is UTC


def test_a_modified_date_that_cannot_be_read_is_not_taken_for_the_date_of_creation():
    change = {"createdDate": "2015-03-02T09:00:05Z", "modifiedDate": "2016-07-19"}
    assert classified("Server", {"changeInfo": change}).occurred_at == RECEIVED


@pytest.mark.parametrize("modified", [None, "", 5, "0001-01-01T00:00:00Z"])
def test_a_server_that_was_never_modified_has_the_time_it_was_created(modified):
    change = {"createdDate": "2015-03-02T09:00:05Z", "modifiedDate": modified}
    assert classified("Server", {"changeInfo": change}).occurred_at == at(2015, 3, 2, 9, 0, 5)


EARLY, MIDDLE, LATE = (f"2016-02-11T0{hour}:00:00Z" for hour in (4, 5, 6))


@pytest.mark.parametrize(
    ("triggers", "hour"),
    [
        ([{"state": "notTriggered", "stateStartTime": EARLY, "stateEndTime": LATE}], 6),
        ([{"state": "NOTTRIGGERED", "stateStartTime": EARLY, "stateEndTime": LATE}], 6),
        ([{"state": "triggered", "stateStartTime": EARLY, "stateEndTime": LATE}], 4),
        ([{"stateStartTime": EARLY, "stateEndTime": LATE}], 4),
        ([{"state": "triggered", "stateStartTime": None, "stateEndTime": LATE}], 6),
        ([{"state": "notTriggered", "stateStartTime": EARLY}], 4),
        ([{"state": "notTriggered", "stateStartTime": EARLY, "stateEndTime": "0001-01-01T00:00:00Z"}], 4),
        (
            [
                {"state": "triggered", "stateStartTime": EARLY},
                {"state": "notTriggered", "stateStartTime": EARLY, "stateEndTime": MIDDLE},
            ],
            5,
        ),
        ([{"state": "triggered", "stateStartTime": LATE}, {"state": "triggered", "stateStartTime": EARLY}, 5, None], 6),
    ],
)
def test_an_alerts_time_is_the_latest_at_which_one_of_its_triggers_changed_state(triggers, hour):
    assert classified("Alert", {"triggers": triggers}).occurred_at == at(2016, 2, 11, hour)


@pytest.mark.parametrize(
    "triggers", [None, [], {}, "x", [[]], [{}], [{"state": 5, "stateStartTime": 5}], [{"stateStartTime": "2016"}]]
)
def test_an_alert_without_a_readable_time_has_the_time_of_receipt(triggers):
    assert classified("Alert", {"triggers": triggers}).occurred_at == RECEIVED


@pytest.mark.parametrize("category", ["Account", "User"])
def test_accounts_and_users_have_the_time_of_receipt_whatever_their_body_says(category):
    change = {"createdDate": "2015-03-02T09:00:05Z", "modifiedDate": "2015-03-02T09:00:05Z"}
    assert classified(category, {"changeInfo": change}).occurred_at == RECEIVED


READ_FIELDS = [
    *("accountAlias", "alias", "uri", "accountUri", "links", "userName", "name", "id", "serverName", "changeInfo"),
    *("status", "triggers"),
]
READ_INNER_FIELDS = [
    *("rel", "href", "id", "modifiedBy", "modifiedDate", "createdDate", "state", "stateStartTime", "stateEndTime"),
]
WRONG = [None, "", 0, 7, 1.5, True, False, [], {}, [None], [[]], [7], ["x"], [{}], {"x": "y"}]


@pytest.mark.parametrize("category", ["Account", "Alert", "Server", "User"])
@pytest.mark.parametrize("wrong", WRONG, ids=json.dumps)
def test_a_field_of_the_wrong_type_counts_as_not_there(category, wrong):
    action = "Notification" if category == "Alert" else None
    name = "Alert.Notification" if category == "Alert" else None
    nothing = (name, category, action, None, None, None, RECEIVED, None)
    inner = dict.fromkeys(READ_INNER_FIELDS, wrong)
    for body in (
        dict.fromkeys(READ_FIELDS, wrong),
        {"links": [inner], "triggers": [inner], "changeInfo": inner},
        {"links": [{"rel": "self", "href": wrong}, {"rel": "account", "href": wrong, "id": wrong}]},
        {"accountAlias": wrong, "name": wrong},
    ):
        assert tuple(classified(category, body)) == nothing


TIMES = st.datetimes(timezones=st.none() | st.timezones() | st.just(timezone(timedelta(hours=-23)))).map(
    datetime.isoformat
)
URIS = st.from_regex(r"/v2/(accounts|users|servers|groups|billing)(/[a-z0-9%]{0,4}){0,3}", fullmatch=True)
TEXTS = st.text() | TIMES | URIS | st.sampled_from(["self", "account", "deleted", "notTriggered"])
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS
NAMES = st.sampled_from(READ_FIELDS + READ_INNER_FIELDS) | st.text(max_size=3)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=6), max_leaves=20
)
ANY_EVENT = st.sampled_from([*EVENTS, Event("Account", None), Event("Server", None), Event("User", None)])


@settings(max_examples=size(30, 100), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(event=ANY_EVENT, body=st.dictionaries(NAMES, VALUES, max_size=8))
def test_any_json_object_under_any_event_gives_columns_of_the_right_types(event, body):
    result = classify(event, body, RECEIVED)
    assert result.category == event.category
    assert result.action in ([event.action] if event.action else [None, "Created", "Updated", "Deleted"])
    assert result.event_type == (f"{result.category}.{result.action}" if result.action else None)
    for text in (result.account_alias, result.entity_id, result.actor):
        assert text is None or (isinstance(text, str) and text)
    assert result.occurred_at.tzinfo is UTC
