"""The simulator's stories: what they tell, and that an audit finds in each what it should."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import count

import orjson
import pytest
from click.testing import CliRunner

from analytics import connect
from analytics.findings.merging import find_merged
from analytics.findings.rule_files import load_rules
from analytics.findings.running import find
from analytics.settings import read_settings
from receiver.admission import Admission
from receiver.commands.simulate import simulate
from receiver.data_directory.accounts import AllowedAccounts
from receiver.database.opening import run
from receiver.notification import Notification
from receiver.senders.centurylink.events import find_event_by_name
from receiver.senders.centurylink.made_up.stories import STORIES
from receiver.senders.centurylink.signature import load_public_key
from receiver.simulator.demonstrated import A_DAY as DEMO_A_DAY
from receiver.simulator.history import Simulation
from receiver.spool import SpoolWriter
from receiver.store.appending.appender import Appender
from tests.receiver.simulator.test_simulator import Listener, leave_out_copies
from tests.support.database import open_database
from tests.support.keys import key_directory
from tests.support.processes import PreparedReceiver, running
from tests.support.sizes import take_few
from tests.support.waiting import until
from tests.support.way_in import open_rows

END = datetime(2015, 9, 22, 15, 0, tzinfo=UTC).timestamp()
MINUTES = timedelta(minutes=7)


def store_of(directory, history):
    """Take a history in as the receiver does, and return the path of the DuckDB file."""
    admission = Admission(
        load_public_key(key_directory() / "public.pem"), "record", AllowedAccounts(None, directory / "learned")
    )
    decisions = [
        admission.decide(
            find_event_by_name(out.event_type), out.body, {}, datetime.fromtimestamp(out.received_at, UTC), "192.0.2.7"
        )
        for out in history
    ]
    rows = [decision for decision in decisions if isinstance(decision, Notification)]
    assert len(rows) == len(decisions)
    spool = SpoolWriter(directory / "spool")
    spool.append_all(rows)
    connection = open_database(directory / "clc.duckdb")
    appender = Appender(connection.cursor(), open_rows(directory), directory, duplicate_window_seconds=10)
    while appender.append_new():
        pass
    spool.close()
    run(connection, "CHECKPOINT")
    connection.close()
    return directory / "clc.duckdb"


def told(*names, days=30, seed=7, end=END):
    """What a history has more of with stories than without."""
    ordinary = {out.body for out in Simulation(seed).make_history(days, end, 100)}
    return [out for out in Simulation(seed).make_history(days, end, 100, names) if out.body not in ordinary]


def when(out):
    return datetime.fromtimestamp(out.received_at, UTC)


def told_by(outgoings):
    """Each notification's time, event and body, without copies."""
    return [(when(out), out.event_type, orjson.loads(out.body)) for out in leave_out_copies(outgoings)]


def test_everyday_life_goes_on_as_if_no_story_were_told():
    ordinary = list(Simulation(7).make_history(30, END))
    bodies = {out.body for out in ordinary}
    with_stories = list(Simulation(7).make_history(30, END, stories=STORIES))
    assert [out for out in with_stories if out.body in bodies] == ordinary
    assert len(with_stories) > len(ordinary) + 300


def test_the_same_seed_has_the_same_cast_and_another_seed_another():
    one, again, other = told("sign-up"), told("sign-up"), told("sign-up", seed=8)
    assert one == again
    accounts = {body["accountAlias"] for _, event, body in told_by(one + other) if event == "Account.Created"}
    assert len(accounts) == 2


@pytest.mark.parametrize("seed", take_few([1, 2, 3], 1))
def test_nothing_in_a_story_contradicts_what_was_heard_before(seed):
    listener = Listener()
    for out in leave_out_copies(Simulation(seed).make_history(30, END, stories=STORIES)):
        listener.hear(out)
    assert listener.contradictions == []


@pytest.mark.parametrize("days", take_few([1, 2, 4, 90], 1))
def test_stories_are_told_whole_and_without_contradiction_in_any_number_of_days(days):
    for last_day in range(7):
        end = END + last_day * 86_400
        listener, heard = Listener(), told(*STORIES, days=days, end=end)
        for out in leave_out_copies(heard):
            listener.hear(out)
        assert listener.contradictions == []
        assert end - days * 86_400 < heard[0].received_at
        assert max(out.received_at for out in heard) <= end
        events = Counter(out.event_type for out in leave_out_copies(heard))
        assert (events["Server.Created"], events["Server.Deleted"]) == (88, 28)
        assert (events["Account.Created"], events["User.Created"], events["User.Updated"]) == (7, 21, 13)


def test_the_sign_up_builds_sixteen_of_the_biggest_servers_within_the_hour_and_ends_within_five():
    heard = told_by(told("sign-up"))
    (begin, first, account), (end, last, closed) = heard[0], heard[-1]
    assert (first, account["status"], account["parentAlias"]) == ("Account.Created", "Active", "SUNR")
    assert (last, closed["accountAlias"]) == ("Account.Deleted", account["accountAlias"])
    assert (end - begin).total_seconds() < 5 * 3600
    built = [at for at, event, _ in heard if event == "Server.Created"]
    assert len(built) == 16
    assert (max(built) - begin).total_seconds() < 3600
    sizes = {(b["details"]["cpu"], b["details"]["memoryMB"]) for _, _, b in heard if "details" in b}
    assert sizes == {(16, 131_072)}


def test_the_night_of_the_stolen_administrator_is_a_night_and_a_weekdays():
    heard = told_by(told("stolen-administrator"))
    deleted = [at for at, event, _ in heard if event == "Server.Deleted"]
    assert len(deleted) == 12
    assert all(1 <= at.hour < 5 and at.weekday() < 5 for at in deleted)


def test_a_server_becomes_public_between_the_ordinary_changes_of_many_days():
    heard = told_by(told("public-server"))
    servers = [(at, body) for at, event, body in heard if event == "Server.Updated"]
    public = [at for at, body in servers if '"public"' in str(orjson.dumps(body))]
    name = next(body["name"] for at, body in servers if at == public[0])
    before = [at for at, body in servers if body["name"] == name and at < public[0]]
    assert len(before) > 15
    assert (public[0] - before[0]).days > 10
    assert 8 <= public[0].hour < 18


def test_in_an_outage_all_servers_of_a_customer_alert_within_minutes_and_are_well_again_two_hours_later():
    heard = told_by(told("outage"))
    servers = {body["name"] for _, event, body in heard if event == "Server.Created"}
    alerts = [(at, body) for at, event, body in heard if event == "Alert.Notification"]
    began = max(
        (at for at, _ in alerts), key=lambda at: sum(timedelta() <= other - at < MINUTES for other, _ in alerts)
    )
    fired = [body for at, body in alerts if timedelta() <= at - began < MINUTES]
    assert len(servers) == 48
    assert {body["serverName"] for body in fired} == servers
    cleared = [body for at, body in alerts if MINUTES < at - began < timedelta(hours=2, minutes=10)]
    assert {body["serverName"] for body in cleared} == servers
    assert {trigger["state"] for body in cleared for trigger in body["triggers"]} == {"notTriggered"}


def test_live_a_story_happens_at_present_and_what_was_before_so_long_before():
    ticks = count(END)
    groups = list(Simulation(7).play_stories(["stolen-administrator", "sign-up"], lambda: next(ticks)))
    listener = Listener()
    for original, *copies in groups:
        listener.hear(original)
        assert [copy.body for copy in copies] == [original.body] * len(copies)
    assert listener.contradictions == []
    modified = [
        END - datetime.fromisoformat(body["changeInfo"]["modifiedDate"]).timestamp()
        for original, *_ in groups
        if "changeInfo" in (body := orjson.loads(original.body))
    ]
    assert modified[0] > 20 * 86_400
    assert sum(-1000 < ago <= 0 for ago in modified) >= 60


def simulate_stories(*arguments):
    return CliRunner().invoke(simulate, arguments)


def test_the_command_writes_stories_into_an_archive_each_once(tmp_path):
    lines = []
    for number, stories in enumerate([[], ["sign-up"], ["sign-up", "sign-up"]]):
        path = tmp_path / f"{number}.jsonl"
        named = [word for story in stories for word in ("--story", story)]
        key = ["--key", str(tmp_path / "own.pem"), "--quiet", "--count", "50"]
        ran = simulate_stories("--archive", str(path), "--days", "3", "--end", "2015-09-22T15:00:00Z", *named, *key)
        assert ran.exit_code == 0, ran.output
        lines.append(len(path.read_bytes().splitlines()))
    assert lines == [50, 109, 109]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--to", "http://a", "--story", "arson"], "'arson' is not one of 'sign-up', 'public-server', 'outage', 'sto"),
        (["--to", "http://a", "--story", "sign-up", "--event", "User.Created"], "--to sends a --story by itself"),
        (["--to", "http://a", "--story", "sign-up", "--history-days", "0"], "--to sends a --story by itself"),
    ],
)
def test_a_wrong_use_of_a_story_ends_with_2_and_one_sentence(arguments, sentence):
    result = simulate_stories(*arguments)
    assert result.exit_code == 2
    assert sentence in result.stderr


FINDINGS = {
    "sign-up": [
        ("medium", "user_created", "MARTHA.SMITH@H2RB.EXAMPLE"),
        ("high", "new_account_many_servers", "H2RB"),
        ("medium", "public_address_added", "NY1H2RBAPI01"),
        ("medium", "public_address_added", "IL1H2RBDC01"),
        ("medium", "public_address_added", "NY1H2RBAPI02"),
        ("medium", "public_address_added", "VA1H2RBSQL01"),
        ("medium", "public_address_added", "DE1H2RBAPI01"),
        ("medium", "public_address_added", "NY1H2RBBLD01"),
        ("medium", "many_servers_deleted", "H2RB"),
    ],
    "public-server": [
        ("low", "user_created", "NRAMOS.Q5RR"),
        ("low", "user_created", "MAYA.XU@Q5RR.EXAMPLE"),
        ("low", "user_created", "YUSUF.JENSEN@Q5RR.EXAMPLE"),
        ("low", "user_created", "NSATO.W4LL"),
        ("medium", "public_address_added", "SG1Q5RRBLD01"),
        ("high", "unfamiliar_actor", "SG1Q5RRBLD01"),
    ],
    "outage": [
        ("medium", "user_created", "HIRO.ONEILL@C0PP.EXAMPLE"),
        ("medium", "user_created", "YNUNEZ.C0PP"),
        ("medium", "user_created", "TUNDERWOOD.C0PP"),
    ],
    "stolen-administrator": [
        ("medium", "user_created", "WABBOTT.E8VR"),
        ("medium", "user_created", "NOOR.SMITH@E8VR.EXAMPLE"),
        ("medium", "user_created", "ROSA.ONEILL@E8VR.EXAMPLE"),
        ("medium", "user_created", "TESS.ERIKSEN@E8VR.EXAMPLE"),
        ("medium", "user_created", "TESS.GARCIA@E8VR.EXAMPLE"),
        ("medium", "user_created", "PRIYA.OKAFOR@E8VR.EXAMPLE"),
        ("medium", "user_created", "RBARROS.E8VR"),
        ("medium", "user_created", "BFUENTES.E8VR"),
        ("medium", "user_created", "NCOSTA.P7RR"),
        ("medium", "user_created", "AGOLDMAN.P7RR"),
        ("medium", "user_created", "ASA.BRANDT@A7SP.EXAMPLE"),
        ("medium", "user_created", "CHLOE.XU@A7SP.EXAMPLE"),
        ("medium", "hidden_user_update", "WABBOTT.E8VR"),
        ("high", "user_enabled_or_email_changed", "WABBOTT.E8VR"),
        ("high", "user_created", "OFUENTES.E8VR"),
        ("low", "unfamiliar_actor", "WA1P7RRWEB01"),
        ("medium", "public_address_added", "WA1P7RRWEB01"),
        ("high", "unfamiliar_actor", "GB3A7SPMAIL01"),
        ("medium", "public_address_added", "GB3A7SPMAIL01"),
        ("medium", "public_address_added", "GB3E8VRVPN01"),
        ("medium", "public_address_added", "UT1E8VRAPP01"),
        ("medium", "public_address_added", "UT1E8VRAPP02"),
        ("medium", "hidden_user_update", "NOOR.SMITH@E8VR.EXAMPLE"),
        ("medium", "hidden_user_update", "ROSA.ONEILL@E8VR.EXAMPLE"),
        ("medium", "hidden_user_update", "TESS.ERIKSEN@E8VR.EXAMPLE"),
        ("medium", "hidden_user_update", "TESS.GARCIA@E8VR.EXAMPLE"),
        ("medium", "hidden_user_update", "PRIYA.OKAFOR@E8VR.EXAMPLE"),
        ("medium", "hidden_user_update", "RBARROS.E8VR"),
        ("high", "hidden_update_burst", "E8VR"),
        ("medium", "user_enabled_or_email_changed", "BFUENTES.E8VR"),
        ("high", "many_servers_deleted", "WABBOTT.E8VR"),
    ],
}
"""Severity, rule and entity of all that an audit finds in a story of seed 7, twelve users' lives before included."""
HIGH = [
    "hidden_update_burst",
    "many_servers_deleted",
    "new_account_many_servers",
    "unfamiliar_actor",
    "unfamiliar_actor",
    "user_created",
    "user_enabled_or_email_changed",
]
ATTACKS = {
    "sign-up": {"new_account_many_servers", "public_address_added", "many_servers_deleted"},
    "public-server": {"unfamiliar_actor"},
    "stolen-administrator": {
        "hidden_update_burst",
        "many_servers_deleted",
        "public_address_added",
        "unfamiliar_actor",
        "user_created",
        "user_enabled_or_email_changed",
    },
}
"""The rules whose findings of an attack are of high or medium severity among all those of a month."""
BACKGROUND = 1500


def found_in(path):
    """All findings of a store, without what rests on the notifications' ids."""
    moment = datetime.fromtimestamp(END + 60, UTC)
    with connect(str(path)) as client:
        found = find(client, moment - timedelta(days=31), moment)
    assert found.problems == []
    return Counter((each.severity, each.rule, each.entity_id, each.found_at) for each in found.findings)


def high_of(found):
    return sorted(rule for severity, rule, *_ in found.elements() if severity == "high")


@pytest.fixture(scope="module")
def found_in_background(tmp_path_factory):
    return found_in(store_of(tmp_path_factory.mktemp("background"), Simulation(7).make_history(30, END, BACKGROUND)))


@pytest.mark.full
@pytest.mark.parametrize("story", STORIES)
def test_an_audit_finds_in_a_story_exactly_what_it_should(tmp_path, found_in_background, story):
    found = found_in(store_of(tmp_path, Simulation(7).make_history(30, END, BACKGROUND, [story])))
    assert found_in_background - found == Counter()
    in_story = (found - found_in_background).elements()
    assert sorted(each[:3] for each in in_story) == sorted(FINDINGS[story])


@pytest.mark.full
@pytest.mark.parametrize("seed", take_few([1, 4], 1))
def test_a_story_of_another_cast_has_findings_of_the_same_rules(tmp_path, seed):
    known = [finding for story in STORIES for finding in FINDINGS[story]]
    found = found_in(store_of(tmp_path, told(*STORIES, seed=seed)))
    assert Counter(rule for _, rule, *_ in found.elements()) == Counter(rule for _, rule, _ in known)
    assert high_of(found) == HIGH


@pytest.mark.full
def test_a_story_told_live_has_the_same_findings_of_severity_high(tmp_path):
    ticks = count(END - 1000)
    groups = Simulation(7).play_stories(STORIES, lambda: next(ticks))
    found = high_of(found_in(store_of(tmp_path, [out for group in groups for out in group])))
    assert found == [rule for rule in HIGH if rule != "user_created"]  # no domain is known there for a day


@pytest.mark.full
@pytest.mark.parametrize("seed", take_few([1, 7], 1))
def test_an_ordinary_month_has_fewer_than_five_findings_of_severity_high(tmp_path, seed):
    found = found_in(store_of(tmp_path, Simulation(seed).make_history(30, END)))
    assert len(found) > 300
    assert len(high_of(found)) < 5


@pytest.mark.full
@pytest.mark.slow
def test_a_story_sent_to_a_running_receiver_ends_by_itself_and_is_found_there(tmp_path, monkeypatch):
    with running(PreparedReceiver, tmp_path / "data") as receiver:
        key = str(key_directory() / "private.pem")
        sent = simulate_stories("--to", receiver.url, "--story", "sign-up", "--rate", "0", "--key", key, "--quiet")
        assert sent.exit_code == 0, sent.output
        assert "; 59 answered 200." in sent.stderr
        until(lambda: receiver.sql("SELECT count(*) AS n FROM notifications") == [{"n": 59}], what="all in the store")
        monkeypatch.setenv("CLC_DATA_DIR", str(receiver.data_dir))
        now = datetime.now(UTC)
        with connect(receiver.query_url) as client:
            found = find(client, now - timedelta(hours=1), now + timedelta(hours=1)).findings
    assert [each.rule for each in found if each.severity == "high"] == ["new_account_many_servers"]


@pytest.mark.full
def test_an_auditor_can_read_a_week_of_the_demonstration_and_misses_no_attack_of_its_month(tmp_path):
    path = store_of(tmp_path, Simulation(1, DEMO_A_DAY).make_history(30, END, stories=STORIES))
    moment, settings = datetime.fromtimestamp(END + 60, UTC), read_settings()
    with connect(str(path)) as client:
        month, week = (
            find_merged(client, moment - timedelta(days=days), moment, load_rules(), settings).findings
            for days in (31, 7)
        )
    assert len(week) <= 60
    assert sum(each.severity != "low" for each in week) <= 10
    assert Counter(HIGH) - Counter(each.rule for each in month if each.severity == "high") == Counter()
    for story, rules in ATTACKS.items():
        cast = {
            body.get("accountAlias") for _, event, body in told_by(told(story, seed=1)) if event == "Account.Created"
        }
        seen = [each for each in month if each.severity != "low" and not cast.isdisjoint(each.list_accounts())]
        assert {each.rule for each in seen if each.found_at.timestamp() > END - 25 * 86_400} == rules
