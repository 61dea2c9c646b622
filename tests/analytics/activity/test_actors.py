"""The list of actors on the page Activity, drawn without a browser."""

import json
from datetime import UTC, datetime, timedelta

import duckdb
import pytest

from analytics import senders
from analytics.pages.activity.lists import ranked
from analytics.senders.described import Seen, as_sender
from tests.support.dashboard_app import click_row, make_app, table_rows
from tests.support.readable_store import Row, build_store, server
from tests.support.sizes import take_few

AT = datetime.now(UTC) - timedelta(hours=1)
KIM, LOUD_KIM, LEE = "kim@acme.example", "KIM@ACME.EXAMPLE", "lee@acme.example"


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    actors = [KIM, LOUD_KIM, LOUD_KIM, LEE]
    rows = [server("ACME", f"WA1ACMEWEB0{number}", received_at=AT, actor=who) for number, who in enumerate(actors)]
    return str(build_store(tmp_path_factory.mktemp("actors") / "store.duckdb", rows))


def list_actors(app):
    """Return the names and numbers of the list of actors, and the chosen ones."""
    tables = [json.loads(each.proto.json) for each in app.get("bidi_component")]
    (listed,) = (table for table in tables if isinstance(table, dict) and table.get("alt") == "Actors by number")
    return [(row["cells"][0], row["cells"][2]) for row in listed["rows"]], listed["chosen"]


def test_an_actor_written_in_two_letter_cases_is_one_in_the_spelling_of_most_notifications(open_activity):
    assert list_actors(open_activity()) == ([(LOUD_KIM, "3"), (LEE, "1")], [])


@pytest.mark.parametrize("who", [KIM, LOUD_KIM])
def test_an_actor_filters_and_is_chosen_in_any_letter_case(open_activity, who):
    app = open_activity(who=who)
    assert app.metric[0].value == "3"
    assert list_actors(app)[1] == [LOUD_KIM]
    assert len([row for row in table_rows(app) if str(row[0]).startswith("WA1ACMEWEB")]) == 3


@pytest.fixture
def two_senders(tmp_path):
    rows = [server("ACME", f"WA1ACMEWEB0{number}", received_at=AT, actor=KIM) for number in range(3)]
    rows += [Row("Sale.Created", "ACME", who, {}, AT, actor=who, sender="till") for who in (KIM, LEE)]
    file = build_store(tmp_path / "store.duckdb", rows)
    with duckdb.connect(str(file)) as connection:
        connection.execute("INSERT INTO senders BY NAME SELECT 'till' AS name, 'Till' AS title, '{}' AS description")
    senders.learn([as_sender("till", "Till", "{}", [Seen("Sale.Created", "Sale", 4)])])
    yield str(file)
    senders.learn([])


@pytest.mark.parametrize(
    ("who", "sender", "numbers"),
    take_few([(KIM, "till", ["1", "5"]), (KIM, "centurylink", ["3"]), (LEE, "till", ["1"])], 1),
)
def test_a_click_on_an_actor_leaves_the_number_of_its_row_and_a_second_one_all(
    monkeypatch, two_senders, who, sender, numbers
):
    app = make_app(monkeypatch, "activity", two_senders)
    for number in numbers:
        click_row(monkeypatch, ranked, "actors-list", f"{who}\n{sender}", "Actor")
        assert app.run().run().metric[0].value == number
        assert not app.exception


@pytest.mark.full
def test_a_second_click_on_an_actor_leaves_a_sender_that_was_chosen_as_a_filter(monkeypatch, two_senders):
    app = make_app(monkeypatch, "activity", two_senders)

    def click():
        click_row(monkeypatch, ranked, "actors-list", f"{KIM}\ntill", "Actor")
        return app.run().run().metric[0].value

    assert [click(), click()] == ["1", "5"]
    app.query_params["sender"] = "till"
    app.run()
    assert [click(), click()] == ["1", "2"]
    assert not app.exception
