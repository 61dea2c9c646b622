"""Findings that are kept at hand are those that looking through everything would find."""

import random
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Event

import pytest
import streamlit as st

from analytics import connect
from analytics.client.client import Client
from analytics.errors import NotRunningError, QueryTimeoutError
from analytics.findings import snapshot as kept_findings
from analytics.findings.merging import find_merged
from analytics.findings.rule_files import load_rules
from analytics.findings.running import find
from analytics.findings.snapshot import FOREVER, KeptFindings
from analytics.pages.shared.known.waiting import begin_waiting
from analytics.settings import read_settings
from analytics.times import EPOCH
from receiver.senders.centurylink.made_up.stories import STORIES
from receiver.simulator.history import Simulation
from tests.receiver.simulator.test_stories import END, store_of
from tests.support.dropping import drop_before
from tests.support.readable_store import Changed, Row, build_store
from tests.support.sizes import take_few

PATIENCE = 60
BEGIN = datetime.min.replace(tzinfo=UTC)


class Reopened(Client):
    """A client of a file to which is written between its questions. It notes since when rules were asked."""

    def __init__(self, path):
        self.path, self.since = path, []
        self.gate = Event()
        self.gate.set()

    def sql(self, query, parameters=None, **_options):
        self.gate.wait()
        with connect(str(self.path)) as client:
            return client.sql(query, parameters)

    def df(self, query, parameters=None, **_options):
        return self.sql(query, parameters).to_pandas()


@pytest.fixture(autouse=True)
def _no_own_rules(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def looks(monkeypatch):
    """Since when was looked for findings, each time."""
    seen = []

    def noting(client, since, until, **given):
        seen.append(since)
        return find(client, since, until, **given)

    monkeypatch.setattr(kept_findings, "find", noting)
    return seen


def latest(kept):
    return kept.read_up_to(PATIENCE, datetime.now(UTC))


def all_of(client):
    return sorted(find_merged(client, EPOCH, FOREVER, load_rules(), read_settings()).findings)


def test_what_comes_in_parts_and_late_makes_the_findings_that_looking_through_everything_makes(tmp_path, looks):
    history = list(Simulation(7).make_history(12, END, 100, STORIES))
    delayed = set(random.Random(3).sample(range(len(history)), len(history) // 20))
    in_time = [out for place, out in enumerate(history) if place not in delayed]
    parts = [in_time[start : start + 400] for start in range(0, len(in_time), 400)]
    # What is late happened before, and is received with a later part.
    for place in sorted(delayed):
        received_at = parts[-1][-1].received_at
        parts[min(place * len(parts) // len(history) + 2, len(parts) - 1)].append(
            history[place]._replace(received_at=received_at)
        )
    client = Reopened(store_of(tmp_path, parts[0]))
    kept = KeptFindings(client)
    for part in parts[1:]:
        store_of(tmp_path, sorted(part, key=lambda out: out.received_at))
        snapshot = latest(kept)
        assert sorted(snapshot.findings) == all_of(client)
    assert looks.count(EPOCH) == 1
    assert len(looks) == len(parts) - 1
    assert len(latest(kept).findings) > 30


def test_nothing_is_looked_for_again_where_nothing_came(tmp_path, looks):
    client = Reopened(store_of(tmp_path, Simulation(7).make_history(2, END, 100)))
    kept = KeptFindings(client)
    first = latest(kept)
    second = latest(kept)
    assert second.findings is first.findings
    assert second.upto > first.upto
    assert len(looks) == 1


def test_what_was_computed_before_is_never_given_for_what_is_so_now(tmp_path):
    history = list(Simulation(7).make_history(10, END, 100, STORIES))
    client = Reopened(store_of(tmp_path, history[:-400]))
    kept = KeptFindings(client)
    before = latest(kept)
    store_of(tmp_path, history[-400:])
    client.gate.clear()
    asked = datetime.now(UTC)
    assert kept.read_up_to(0, asked) is None
    assert kept.snapshot is before
    assert before.upto < asked
    assert kept.read_up_to(0, before.upto) is before
    client.gate.set()
    after = kept.read_up_to(PATIENCE, asked)
    assert after.upto >= asked
    assert sorted(after.findings) == all_of(client)


@pytest.mark.full
def test_what_was_computed_before_the_clock_went_back_is_computed_again(tmp_path):
    kept = KeptFindings(Reopened(store_of(tmp_path, Simulation(7).make_history(1, END, 100))))
    before = latest(kept)
    ahead = before._replace(upto=before.upto + timedelta(hours=1))
    kept._last_look = kept._last_look._replace(snapshot=ahead)
    assert before.upto < latest(kept).upto < ahead.upto


def test_a_wait_that_began_before_the_clock_went_back_begins_again(monkeypatch):
    monkeypatch.setattr(st, "session_state", {})
    now, hour = datetime.now(UTC), timedelta(hours=1)
    assert begin_waiting("all", now + hour) == now + hour
    assert [begin_waiting("all", moment) for moment in (now, now - hour)] == [now, now]


def test_the_worst_come_first_and_of_these_the_newest(tmp_path):
    client = Reopened(store_of(tmp_path, Simulation(7).make_history(10, END, 100, STORIES)))
    findings = latest(KeptFindings(client)).findings
    order = {"high": 0, "medium": 1, "low": 2}
    assert findings == sorted(findings, key=lambda one: (order[one.severity], -one.found_at.timestamp()))
    assert {one.severity for one in findings} == set(order)


def test_rules_that_change_are_run_over_everything_again(tmp_path, looks, monkeypatch):
    client = Reopened(store_of(tmp_path, Simulation(7).make_history(2, END, 100)))
    kept = KeptFindings(client)
    latest(kept)
    own = tmp_path / "own"
    own.mkdir()
    (own / "bad.sql").write_text("SELECT 1")
    monkeypatch.setenv("CLC_RULES", str(own))
    assert [problem.file.endswith("bad.sql") for problem in latest(kept).problems] == [True]
    assert looks == [EPOCH, EPOCH]


@pytest.mark.full
def test_a_store_that_lost_its_latest_is_looked_through_again(tmp_path, looks):
    client = Reopened(store_of(tmp_path / "one", Simulation(7).make_history(4, END, 100)))
    kept = KeptFindings(client)
    latest(kept)
    client.path = store_of(tmp_path / "other", Simulation(8).make_history(1, END, 100))
    assert sorted(latest(kept).findings) == all_of(client)
    assert looks == [EPOCH, EPOCH]


def test_who_asks_first_waits_no_longer_than_told_and_many_who_ask_cause_one_look(tmp_path, looks):
    client = Reopened(store_of(tmp_path, Simulation(7).make_history(2, END, 100)))
    kept = KeptFindings(client)
    client.gate.clear()
    with ThreadPoolExecutor(8) as viewers:
        assert list(viewers.map(lambda _: kept.read_up_to(0, datetime.now(UTC)), range(8))) == [None] * 8
    client.gate.set()
    assert latest(kept) is not None
    assert looks == [EPOCH]


@pytest.mark.full
def test_nobody_who_answers_is_an_error_until_somebody_does(tmp_path):
    class Away(Reopened):
        away = True

        def sql(self, query, parameters=None, **options):
            if self.away:
                raise NotRunningError("nobody answers")
            return super().sql(query, parameters, **options)

    client = Away(store_of(tmp_path, Simulation(7).make_history(2, END, 100)))
    kept = KeptFindings(client)
    with pytest.raises(NotRunningError):
        latest(kept)
    client.away = False
    assert sorted(latest(kept).findings) == all_of(client)


class Failing(Reopened):
    """A client whose queries with a text fail."""

    text = ""

    def sql(self, query, parameters=None, **options):
        if self.text and self.text in query:
            raise QueryTimeoutError("The query took longer than 3 s and was ended.")
        return super().sql(query, parameters, **options)


def count_of(snapshot, rule):
    return sum(finding.rule == rule for finding in snapshot.findings)


def test_a_rule_that_fails_once_keeps_its_findings_and_finds_then_what_it_missed(tmp_path, monkeypatch):
    monkeypatch.setattr(kept_findings, "PAUSE", 0)
    history = list(Simulation(7).make_history(10, END, 100, STORIES))
    client = Failing(store_of(tmp_path, history[:-400]))
    kept = KeptFindings(client)
    before = count_of(latest(kept), "user_created")
    client.text = "created in"
    store_of(tmp_path, history[-400:])
    failed = latest(kept)
    assert [problem.file.rpartition("/")[2] for problem in failed.problems] == ["user_created.sql"]
    assert count_of(failed, "user_created") == before > 0
    client.text = ""
    snapshot = latest(kept)
    assert snapshot.problems == []
    assert sorted(snapshot.findings) == all_of(client)
    assert count_of(snapshot, "user_created") > before


@pytest.mark.full
def test_a_rule_that_always_fails_is_not_tried_at_each_look(tmp_path, looks, monkeypatch):
    monkeypatch.setattr(kept_findings, "PAUSE", 1e9)
    client = Failing(store_of(tmp_path, Simulation(7).make_history(2, END, 100)))
    client.text = "created in"
    kept = KeptFindings(client)
    for _ in range(3):
        assert latest(kept).problems
    assert looks == [EPOCH]


@pytest.mark.full
def test_of_findings_that_are_known_the_store_is_not_asked_again_when_they_were_stored(tmp_path, monkeypatch):
    asked = []

    class Noting(Reopened):
        def sql(self, query, parameters=None, **options):
            asked.extend((parameters or {}).get("ids", ()))
            return super().sql(query, parameters, **options)

    monkeypatch.setattr(kept_findings, "WHOLE_SECONDS", 0)
    history = list(Simulation(7).make_history(10, END, 100, STORIES))
    client = Noting(store_of(tmp_path, history[:-400]))
    kept = KeptFindings(client)
    before = latest(kept)
    assert asked
    asked.clear()
    store_of(tmp_path, history[-400:])
    after = latest(kept)
    known = {finding.id for finding in before.findings}
    assert set(asked) == {
        each for finding in after.findings if finding.id not in known for each in finding.notification_ids
    }
    assert sorted(after.findings) == all_of(client)


@pytest.mark.full
@pytest.mark.parametrize("failing", take_few(["", "created in"], 1))
def test_findings_of_notifications_that_were_dropped_go_at_the_next_look(tmp_path, failing):
    history = list(Simulation(7).make_history(10, END, 100, STORIES))
    client = Failing(store_of(tmp_path, history))
    kept = KeptFindings(client)
    before = latest(kept)
    middle = datetime.fromtimestamp(history[len(history) // 2].received_at, UTC)
    drop_before(client.path, middle)
    client.text = failing
    after = latest(kept)
    since = [finding for finding in before.findings if finding.rule == "user_created" and finding.found_at >= middle]
    assert since
    assert [finding for finding in after.findings if finding in since] == since
    here = {row["id"] for row in client.sql("SELECT id::VARCHAR AS id FROM notifications").to_pylist()}
    assert {finding.notification_ids[0] for finding in after.findings} <= here
    assert not {finding.notification_ids[0] for finding in before.findings} <= here


@pytest.mark.full
def test_a_finding_that_grows_with_later_notifications_tells_all_of_them_at_once(tmp_path, monkeypatch):
    monkeypatch.setattr(kept_findings, "WHOLE_SECONDS", 1e9)
    begun = datetime.now(UTC) - timedelta(hours=9)

    def made(hours, minutes, event, name, **more):
        body = {"name": name, "userName": name, "parentAlias": "ROOT"}
        return Row(event, "NEWB", name, body, begun + timedelta(hours=hours, minutes=minutes), **more)

    built = [made(0, 0, "Account.Created", "NEWB")]
    built += [made(0, 1 + 2 * number, "Server.Created", f"S{number}", actor="mallory") for number in range(29)]
    deleted = [made(2, 9 * number, "Server.Deleted", f"S{number}") for number in range(20)]
    hidden = [made(6, 9 * number, "User.Updated", f"U{number}") for number in range(12)]
    rows = [*built, *deleted, *hidden]
    changes = [Changed(1, "", "added")]
    changes += [Changed(len(built) + number, "", "removed") for number in range(1, len(deleted) + 1)]
    changes += [Changed(len(rows) - number, "", "unseen") for number in range(len(hidden))]
    client = Reopened(None)
    kept = KeptFindings(client)
    for count in (13, 20, 30, 37, 49, 57, 60, len(rows)):
        there = [change for change in changes if change.seq <= count]
        client.path = build_store(tmp_path / f"{count}.duckdb", rows[:count], changes=there)
        assert sorted(latest(kept).findings) == all_of(client), count
    grown = {each.rule: each.sentence for each in latest(kept).findings}
    assert grown["new_account_many_servers"].startswith("29 servers")
    assert grown["many_servers_deleted"].startswith("20 servers")
    assert grown["hidden_update_burst"].startswith("12 hidden updates")


@pytest.mark.full
def test_a_notification_that_tells_the_first_moment_of_the_calendar_ends_no_look(tmp_path):
    rows = [Row("User.Created", "ACME", "ANN"), Row("User.Created", "ACME", "BOB", occurred_at=BEGIN)]
    client = Reopened(build_store(tmp_path / "1.duckdb", rows[:1]))
    kept = KeptFindings(client)
    latest(kept)
    client.path = build_store(tmp_path / "2.duckdb", rows)
    assert sorted(latest(kept).findings) == all_of(client)
