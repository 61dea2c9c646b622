"""Each notification of a sender says in lists what its body says: a failed build, say, with its name and branch."""

import json
from datetime import UTC, datetime

import duckdb
import orjson
import pandas as pd
import pytest

import analytics
from analytics import queries, senders
from analytics.client.described_senders import learn_senders
from analytics.pages.notifications import what
from analytics.pages.shared import changes
from analytics.senders.described import as_sender
from analytics.words.sayings import Saying, make_saying
from receiver.senders import load_senders
from receiver.senders.github.made_up import found_organization, live_a_moment
from receiver.settings import Settings
from receiver.store.described_senders import write_senders
from tests.receiver.senders.profile.profiles import profile_of, shipped
from tests.support.dashboard_app import make_app
from tests.support.keys import key_directory
from tests.support.stored import Received, store_of

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
FAILED = "event_type = 'workflow_run.completed' AND contains(payload::VARCHAR, 'README')"
BILLING = "larkspur-tools/billing"
MEAN_NOTHING = {("standard-webhooks", "")}
"""The events that tell an operator nothing: the test of Standard Webhooks, whose body is a number."""


def examples():
    for name, profile in shipped().items():
        for each in profile.examples:
            if each.row is not None and each.row["category"] != "handshake":
                yield Received(each.event, each.received_at, each.file.read_text(), name, each.headers)


def demonstration():
    world = found_organization(1)
    for _ in range(400):
        for event in live_a_moment(world, NOON.timestamp()):
            yield Received(None, NOON, orjson.dumps(event.body).decode(), "github", {"X-GitHub-Event": event.name})


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    directory = tmp_path_factory.mktemp("sayings")
    file = store_of(directory, [*examples(), *demonstration()])
    with duckdb.connect(str(file)) as connection:
        settings = Settings(data_dir=directory, public_key=key_directory() / "public.pem")
        write_senders(connection, load_senders(), settings)
    return str(file)


@pytest.fixture
def client(store):
    with analytics.connect(store) as client:
        learn_senders(client)
        yield client
        senders.learn([])


@pytest.fixture
def listed(client, monkeypatch):
    """The rows of all notifications, each with what it says, by event."""

    def ask(name, **values):
        return client.df(*queries.make_query(name, values))

    for module in (what, changes):
        monkeypatch.setattr(module, "ask", ask)
    monkeypatch.setattr(what, "load_doubts", lambda _: {})
    rows = client.df(
        "SELECT * REPLACE (id::VARCHAR AS id, ifnull(event_type, '') AS event_type) FROM events ORDER BY 1"
    )
    said = what.describe_rows(rows)
    return [(row, said[row.seq]) for row in rows.itertuples()]


def test_no_notification_of_any_sender_says_nothing_while_its_body_says_something(listed):
    assert {(row.sender, row.event_type) for row, each in listed if each.text in {"", "nothing new"}} <= MEAN_NOTHING
    by_event = {(row.sender, row.event_type): each.text for row, each in listed}
    assert by_event["gitlab", "pipeline"] == "failed · main · Test the login; first notification of this pipeline"
    assert by_event["slack", "/weather"] == "/weather 94070"
    assert by_event["shopify", "orders/create"] == "paid · 405.00 USD; created order"


def test_a_failed_build_has_the_name_of_its_run_and_the_colour_of_trouble(listed):
    runs = {(each.text, each.tone) for row, each in listed if row.event_type == "workflow_run.completed"}
    failed = ("failure · main", "failure · main · Update README.md")
    assert runs == {("success · main", None), *((text, "trouble") for text in failed)}
    assert "Build #562 (30433642)" in {each.entity for _, each in listed}
    troubled = {row.event_type for row, each in listed if each.tone == "trouble"}
    assert troubled == {"workflow_run.completed", "pipeline", "charge.failed"}


def test_what_a_body_says_is_not_said_again_as_its_change(listed):
    reviews = {each.text for row, each in listed if row.event_type == "pull_request_review.submitted"}
    assert "approved" in reviews
    assert not [text for text in reviews if text.count("approved") > 1]


def test_a_run_has_its_name_and_what_it_says_though_there_is_no_step_before_it(store, client, monkeypatch):
    seq, entity = client.sql(f"SELECT seq, entity_id FROM events WHERE {FAILED}").to_pylist()[0].values()
    pages = {"notifications": {"seq": seq}, "entity": {"category": "workflow_run", "name": entity, "sender": "github"}}
    for page, parameters in pages.items():
        app = make_app(monkeypatch, page, store, refresh="off", **parameters).run()
        texts = [each.value for each in (*app.text, *app.markdown, *app.caption)] + [each.label for each in app.button]
        texts = [text.replace("\\", "") for text in texts]
        assert any(text.endswith("Build #562 (30433642)") for text in texts)
        assert any("failure · main · Update README.md" in text for text in texts)
        assert not [text for text in texts if "step before" in text]


def test_a_part_of_an_entitys_notifications_is_described_though_those_between_them_are_on_another_page(client, listed):
    rows = pd.DataFrame([row for row, _ in listed if row.entity_id == BILLING])
    told = client.df(*queries.make_query("changes_of_listed", {"seqs": [int(seq) for seq in rows["seq"]]}))
    said = changes.describe_each(rows.iloc[::2], told)
    assert [said[seq].text for seq in said] == [each.text for row, each in listed if row.seq in said]
    assert len(said) > 2


def test_events_of_a_profile_that_does_not_tell_what_they_say_say_fields_of_usual_names(tmp_path):
    description = {"sayings": list(profile_of(tmp_path).rules.list_sayings()), "trouble": ["failed"]}
    sender = as_sender("example", "An example", json.dumps(description), [])
    values = {"/status": "failed", "/data/message": "No room\nat all"}
    assert make_saying(sender, "job.ended", values) == Saying("failed · No room", "", is_trouble=True)
    assert make_saying(sender, "charge_failed", {}).is_trouble
    assert make_saying(sender, "failed.mended", {}) == Saying()
