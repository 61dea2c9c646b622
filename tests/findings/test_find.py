"""What rules find, what is said of those that fail, and the settings that they are given."""

import itertools
import json
import shutil
import threading
from datetime import UTC, datetime
from hashlib import sha256

import pyarrow as pa
import pytest

from analytics import connect
from analytics.client.client import Client
from analytics.errors import BusyError, NotRunningError, QueryError, QueryTimeoutError, SettingsError, TooManyRowsError
from analytics.findings import doubts
from analytics.findings.finding import Finding
from analytics.findings.rule_files import RuleSet, load_rules
from analytics.findings.running import find
from analytics.settings import Settings, WorkingHours, parse_working_hours, read_settings
from tests.findings.history import DAY, HEADER, HOUR, NOON, SELECT, user
from tests.support.dropping import drop_before
from tests.support.querying import TOKEN, serving
from tests.support.sizes import take_few
from tests.support.stored import Received, store_of

FAILING = [
    (f"/*\n{HEADER}*/\nSELECT\n    nothing\nFROM notifications", 8, "Binder Error: Referenced column "),
    (f"/*\n{HEADER}*/\nSELECT 1\nFROM nowhere", 8, "Catalog Error: Table with name nowhere does not exist."),
    (f"/*\n{HEADER}*/\nSELECT 1\nWHERE 'a'::INT > 1", 8, "Conversion Error: Could not convert string 'a' to INT32."),
    (f"/*\n{HEADER}*/{SELECT.replace('AS sentence', 'AS text')}", 7, "The SELECT does not return the column sentence."),
    (
        f"/*\n{HEADER}*/{SELECT.replace('occurred_at AS', 'occurred_at::DATE AS')}",
        7,
        "found_at is date32[day]; it must",
    ),
    (f"/*\n{HEADER}*/{SELECT.replace('[id]', 'id')}", 8, "notification_ids is string; it must be a list."),
    (
        f"/*\n{HEADER}*/{SELECT.replace('[id] AS', chr(39) + 'ACME' + chr(39) + ' AS other_accounts, [id] AS')}",
        8,
        "other_accounts is string; it must be a list.",
    ),
    (f"/*\n{HEADER}*/{SELECT.replace('[id]', '[]')}", 8, "A row has no notification_ids."),
    (f"/*\n{HEADER}*/{SELECT.replace('[id]', '[NULL::UUID]')}", 8, "A row has no notification_ids."),
    (f"/*\n{HEADER}*/{SELECT.replace('[id]', '[entity_id]')}", 8, "A row's notification_ids have '"),
    (f"/*\n{HEADER}*/{SELECT.replace(chr(39) + 'something happened' + chr(39), 'NULL')}", 7, "A row has no sentence."),
    (
        f"/*\n{HEADER}*/{SELECT.replace('[id] AS', chr(39) + 'bad' + chr(39) + ' AS severity, [id] AS')}",
        8,
        "A row's severity is 'bad'; it must be high, medium or low.",
    ),
]


@pytest.mark.parametrize(("text", "line", "what"), take_few(FAILING, 3))
def test_a_rule_that_fails_is_told_by_line_and_never_stops_the_rest(own, client, text, line, what):
    found = find(client, NOON - 2 * DAY, NOON, rules=load_rules(own("bad.sql", text)))
    [problem] = found.problems
    assert problem.file.endswith("bad.sql")
    assert (problem.line, problem.what[: len(what)]) == (line, what)
    assert [finding.rule for finding in found.findings] == [
        "user_created",
        "user_created",
        "many_servers_deleted",
        "hidden_user_update",
    ]


def test_a_finding_tells_what_its_row_does(client):
    [finding] = find(client, NOON - HOUR / 2, NOON).findings
    assert finding._replace(id="", notification_ids=[]) == Finding(
        "",
        "hidden_user_update",
        "Hidden update of a user",
        "low",
        NOON - HOUR / 2,
        "User",
        "KIM",
        "ACME",
        None,
        "KIM in ACME was updated, but no visible field changed: perhaps the password, PIN, title or telephone number.",
        [],
        "in working hours",
        "centurylink",
        (),
    )
    [notification_id] = finding.notification_ids
    assert finding.id == sha256(f"hidden_user_update{notification_id}".encode()).hexdigest()
    assert notification_id in str(client.sql("SELECT id::VARCHAR AS id FROM notifications").to_pylist())


def test_a_finding_of_a_rule_of_ones_own_has_the_sender_of_its_first_notification(own, client):
    found = find(client, NOON - 2 * DAY, NOON, rules=load_rules(own("any.sql", f"/*\n{HEADER}*/{SELECT}")))
    assert {finding.sender for finding in found.findings if finding.rule == "any"} == {"centurylink"}


def find_by_own_rule(own, client):
    """Return what a rule of one's own, which finds any notification, finds within two days."""
    rules = load_rules(own("any.sql", f"/*\n{HEADER}*/{SELECT}"))
    mine = RuleSet([rule for rule in rules.rules if rule.name == "any"], [])
    return find(client, NOON - 2 * DAY, NOON, rules=mine).findings


def test_the_senders_of_more_findings_than_a_query_takes_are_asked_for_in_parts(own, client, monkeypatch):
    monkeypatch.setattr(doubts, "_MOST_IDS", 2)
    ask, sizes = client.sql, []

    def ask_about_few(query, parameters=None, **limits):
        sizes.append(len((parameters or {}).get("ids", ())))
        if sizes[-1] > 2:
            raise QueryError("The request is larger than 1048576 bytes: make its SQL and parameters shorter.")
        return ask(query, parameters, **limits)

    monkeypatch.setattr(client, "sql", ask_about_few)
    found = find_by_own_rule(own, client)
    assert len(found) > 2
    assert {finding.sender for finding in found} == {"centurylink"}
    assert max(sizes) == 2


def test_findings_whose_sender_was_answered_keep_it_if_the_next_part_has_no_answer(own, client, monkeypatch):
    monkeypatch.setattr(doubts, "_MOST_IDS", 2)
    ask, asked = client.sql, []

    def ask_once(query, parameters=None, **limits):
        if "AS id, sender" in query:
            asked.append(query)
            if len(asked) > 1:
                raise QueryTimeoutError("The query took longer than 30 s.")
        return ask(query, parameters, **limits)

    monkeypatch.setattr(client, "sql", ask_once)
    found = find_by_own_rule(own, client)
    assert [finding.sender for finding in found].count("centurylink") == 2


@pytest.mark.parametrize("most", take_few([20_000, 1], 1))
def test_a_finding_says_after_what_its_notification_was_stored_where_that_was_received_later(
    tmp_path, monkeypatch, most
):
    monkeypatch.setattr(doubts, "_MOST_IDS", most)
    order = [("kim", NOON), ("lee", NOON + HOUR), ("ann", NOON - HOUR), ("bob", NOON + 2 * HOUR)]
    store = store_of(tmp_path / "store", [Received("User.Created", at, user(name)) for name, at in order])
    with connect(str(store)) as client:
        found = find(client, NOON - DAY, NOON + DAY).findings
    created = {each.entity_id: each.stored_after for each in found if each.rule == "user_created"}
    assert created == {"KIM": None, "LEE": None, "ANN": NOON + HOUR, "BOB": None}


@pytest.mark.parametrize("most", take_few([20_000, 1], 1))
def test_a_finding_says_after_what_the_notification_was_stored_that_its_own_is_compared_with(
    tmp_path, monkeypatch, most
):
    monkeypatch.setattr(doubts, "_MOST_IDS", most)
    order = [
        ("User.Created", NOON, user("kim")),
        ("User.Updated", NOON + 2 * HOUR, user("kim")),
        ("User.Created", NOON + 3 * HOUR, user("lee")),
        ("User.Updated", NOON + HOUR, user("kim", status="Disabled")),
    ]
    store = store_of(tmp_path / "store", [Received(*each) for each in order])
    with connect(str(store)) as client:
        found = find(client, NOON - DAY, NOON + DAY).findings
    assert {each.rule: each.stored_after for each in found if each.entity_id == "KIM"} == {
        "user_created": None,
        "user_enabled_or_email_changed": NOON + 3 * HOUR,
    }


def test_where_an_answer_about_all_late_notifications_is_too_large_they_are_asked_for_in_parts(tmp_path, monkeypatch):
    monkeypatch.setattr(doubts, "_MOST_IDS", 2)
    order = [("kim", NOON), ("ann", NOON - HOUR), ("bob", NOON - 2 * HOUR), ("lee", NOON + HOUR)]
    store = store_of(tmp_path / "store", [Received("User.Created", at, user(name)) for name, at in order])
    with connect(str(store)) as client:
        ask, sizes = client.sql, []

        def ask_for_few(query, *values, **limits):
            rows = ask(query, *values, **limits)
            if "AS furthest" in query:
                sizes.append(rows.num_rows)
                if rows.num_rows > 1:
                    raise TooManyRowsError("The answer has more than 1 rows: aggregate, filter or add a LIMIT.")
            return rows

        monkeypatch.setattr(client, "sql", ask_for_few)
        found = find(client, NOON - DAY, NOON + DAY).findings
    created = {each.entity_id: each.stored_after for each in found if each.rule == "user_created"}
    assert created == {"KIM": None, "LEE": None, "ANN": NOON, "BOB": NOON}
    assert sizes == [2]


def test_findings_lie_in_the_span_whatever_a_rule_returns_and_each_is_there_once_with_its_notification(own, client):
    all_of_it = f"/*\n{HEADER}*/{SELECT.partition('WHERE')[0].replace('[id]', '[id, id]')}, range(2)"
    rules = load_rules(own("mine.sql", all_of_it))
    mine = RuleSet([rule for rule in rules.rules if rule.name == "mine"], [])
    found = find(client, NOON - HOUR, NOON, rules=mine)
    assert [finding.found_at for finding in found.findings] == sorted(
        [NOON - HOUR, NOON - HOUR / 2, *(NOON - HOUR + n * HOUR / 60 for n in range(5))]
    )
    assert {len(finding.notification_ids) for finding in found.findings} == {1}


@pytest.mark.parametrize(
    ("moment", "known"),
    take_few(
        [
            ("'infinity'", datetime.max.replace(tzinfo=UTC)),
            ("'-infinity'", datetime.min.replace(tzinfo=UTC)),
            ("'9999-12-31'::TIMESTAMPTZ + INTERVAL 2 DAY", datetime.max.replace(tzinfo=UTC)),
        ],
        1,
    ),
)
def test_a_moment_that_python_does_not_know_stops_no_rule(own, client, moment, known):
    lasting = SELECT.replace("[id] AS", f"({moment})::TIMESTAMPTZ AS open_until, [id] AS")
    own("lasting.sql", f"/*\n{HEADER}*/{lasting}")
    never = SELECT.replace("occurred_at AS found_at", f"({moment})::TIMESTAMPTZ AS found_at")
    found = find(client, NOON - HOUR / 2, NOON, rules=load_rules(own("never.sql", f"/*\n{HEADER}*/{never}")))
    assert found.problems == []
    assert [(each.rule, each.open_until) for each in found.findings] == [
        ("hidden_user_update", None),
        ("lasting", known),
    ]


def test_a_sentence_longer_than_anybody_reads_is_cut(own, client):
    sql = SELECT.replace("'something happened'", "repeat('x', 3000)")
    mine = [rule for rule in load_rules(own("mine.sql", f"/*\n{HEADER}*/{sql}")).rules if rule.name == "mine"]
    sentences = {each.sentence for each in find(client, NOON - HOUR, NOON, rules=RuleSet(mine, [])).findings}
    assert sentences == {"x" * 1999 + "…"}


def test_parameters_come_from_the_header_and_from_the_settings(own, client):
    given = "$most, $name, $time_zone, $work_days::INT[], $work_begins::TIME, $work_ends::TIME"
    header = f'{HEADER}[parameters]\nmost = 5\nname = "x"\n'
    sql = SELECT.replace("'something happened'", f"concat_ws(' ', {given})") + "ORDER BY seq LIMIT 1"
    rules = load_rules(own("mine.sql", f"/*\n{header}*/{sql}"))
    mine = RuleSet([rule for rule in rules.rules if rule.name == "mine"], [])
    settings = Settings(_env_file=None, time_zone="Europe/Berlin", working_hours="sat,mon-wed 07:30-24:00")
    found = find(client, NOON - 2 * DAY, NOON, rules=mine, settings=settings)
    assert found.problems == []
    assert [each.sentence for each in found.findings] == ["5 x Europe/Berlin 1 2 3 6 07:30:00 24:00:00"]


def test_working_hours_and_time_zone_decide_what_is_outside_hours(client):
    hidden = RuleSet([rule for rule in load_rules().rules if rule.name == "hidden_user_update"], [])

    def severity(**changed):
        settings = Settings(_env_file=None, **changed)
        found = find(client, NOON - HOUR / 2, NOON, rules=hidden, settings=settings)
        sentences.extend(finding.sentence for finding in found.findings)
        return [finding.severity for finding in found.findings]

    sentences = []
    assert severity() == ["low"]
    assert severity(time_zone="Asia/Tokyo") == ["medium"]  # it is 20:30 there
    assert "working hours" not in sentences[0]
    told = "It was 20:30 on Wednesday, outside working hours (08:00 to 18:00 Asia/Tokyo, Monday to Friday)."
    assert sentences[1].endswith(told)
    assert severity(time_zone="Asia/Tokyo", working_hours="Mon-Fri 20:00-21:00") == ["low"]
    assert severity(working_hours="Thu-Tue 00:00-24:00") == ["medium"]  # a Wednesday
    assert severity(working_hours="Wed 11:30-11:31") == ["low"]
    assert severity(working_hours="Wed 11:00-11:30") == ["medium"]
    assert "(11:00 to 11:30 UTC, Wednesday)" in sentences[-1]
    assert severity(working_hours="Sat,Mon-Wed 11:30-11:31") == ["low"]
    assert severity(working_hours="Sat,Mon-Wed 11:00-11:30") == ["medium"]
    assert "(11:00 to 11:30 UTC, Monday, Tuesday, Wednesday and Saturday)" in sentences[-1]


def test_the_query_service_gives_the_same_findings_and_problems_as_the_file(own, store, tmp_path, monkeypatch):
    file = shutil.copy(store, tmp_path / "served.duckdb")
    own("binder.sql", FAILING[0][0])
    rules = load_rules(own("conversion.sql", FAILING[2][0]))
    with connect(str(file)) as client:
        from_file = find(client, NOON - 2 * DAY, NOON, rules=rules)
    monkeypatch.setenv("CLC_QUERY_TOKEN", TOKEN)
    with serving(file) as service, connect(f"http://127.0.0.1:{service.port}") as client:
        from_service = find(client, NOON - 2 * DAY, NOON, rules=rules)
    assert from_service == from_file
    assert [problem.line for problem in from_service.problems] == [8, 8]
    assert len(from_service.findings) == 4


class Busy(Client):
    def __init__(self):
        """Ask nobody."""

    def sql(self, *_arguments, **_options):
        raise BusyError("busy")


class Hanging(Client):
    """A store whose first query of a rule is interrupted, as by Ctrl-C; the others hang until they are cancelled."""

    def __init__(self):
        """Ask nobody."""
        self.asked = itertools.count()

    def sql(self, *_arguments, cancellation=None, **_options):
        if cancellation is None:
            return pa.table({"complete_since": [None]})
        if not next(self.asked):
            raise KeyboardInterrupt
        cancelled = threading.Event()
        cancellation.set_end(cancelled.set)
        assert cancelled.wait(30)
        return cancellation.check()


def test_ctrl_c_waits_for_no_rule_that_runs():
    with pytest.raises(KeyboardInterrupt):
        find(Hanging(), NOON - HOUR, NOON)


def test_a_query_service_that_is_busy_is_no_rules_fault():
    with pytest.raises(BusyError):
        find(Busy(), NOON - HOUR, NOON)


def test_nobody_who_answers_is_no_rules_fault():
    with connect("http://127.0.0.1:9") as client, pytest.raises(NotRunningError):
        find(client, NOON - HOUR, NOON)


@pytest.mark.parametrize(
    ("text", "days", "begins", "ends"),
    [
        ("Mon-Fri 08:00-18:00", (1, 2, 3, 4, 5), "08:00", "18:00"),
        ("sat 00:00 - 24:00", (6,), "00:00", "24:00"),
        ("Fri-Mon,WED 07:15-07:16", (1, 3, 5, 6, 7), "07:15", "07:16"),
    ],
)
def test_working_hours_are_read(text, days, begins, ends):
    assert parse_working_hours(text) == WorkingHours(days, begins, ends)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Mon-Fri",
        "08:00-18:00",
        "Mon-Fry 08:00-18:00",
        "Mon- 08:00-18:00",
        "Mon 08:00-25:00",
        "Mon 18:00-08:00",
        "Mon 08:00-24:01",
        "Mon, 08:00-09:00",
    ],
)
def test_wrong_working_hours_are_refused(text):
    with pytest.raises(ValueError, match=r".*"):
        parse_working_hours(text)


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("CLC_RULES", "/nowhere/rules", "a directory"),
        ("CLC_TIME_ZONE", "Mars/Olympus", "the IANA name of a time zone, like Europe/Berlin"),
        ("CLC_TIME_ZONE", "../../etc/passwd", "the IANA name of a time zone, like Europe/Berlin"),
        ("CLC_WORKING_HOURS", "9 to 5", "days and times of day, like Mon-Fri 08:00-18:00"),
    ],
)
def test_a_wrong_setting_is_named_with_its_value_and_what_is_allowed(monkeypatch, name, value, allowed):
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as error:
        read_settings()
    assert str(error.value) == f"{name} is {value!r}; it must be {allowed}."


def test_an_actor_whose_past_was_dropped_is_unfamiliar_only_since_the_store_is_complete(tmp_path):
    def change(actor, at):
        body = {"name": "WA1ACMEWEB01", "description": actor, "links": [{"rel": "account", "id": "acme"}]}
        changed = {"modifiedBy": actor, "modifiedDate": at.isoformat()}
        return Received("Server.Updated", at, json.dumps({**body, "changeInfo": changed}))

    acts = [("bea", 20), ("dan", 19), ("ann", 15), ("bea", 5), ("cal", 1), ("dan", 1)]
    file = store_of(tmp_path / "store", [change(actor, NOON - days * DAY) for actor, days in acts])
    drop_before(file, NOON - 10 * DAY)
    with connect(str(file)) as client:
        found = find(client, NOON - 30 * DAY, NOON).findings
    unfamiliar = {each.actor: each.sentence for each in found if each.rule == "unfamiliar_actor"}
    assert unfamiliar.keys() == {"cal", "dan"}
    assert "not seen to change anything there since 2026-02-22 (earlier months are in the lake)" in unfamiliar["dan"]
