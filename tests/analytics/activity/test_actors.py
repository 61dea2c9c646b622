"""The list of actors on the page Activity, drawn without a browser."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from tests.support.dashboard_app import make_app, table_rows
from tests.support.readable_store import build_store, server

KIM, LOUD_KIM, LEE = "kim@acme.example", "KIM@ACME.EXAMPLE", "lee@acme.example"


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    at = datetime.now(UTC) - timedelta(hours=1)
    actors = [KIM, LOUD_KIM, LOUD_KIM, LEE]
    rows = [server("ACME", f"WA1ACMEWEB0{number}", received_at=at, actor=who) for number, who in enumerate(actors)]
    return str(build_store(tmp_path_factory.mktemp("actors") / "store.duckdb", rows))


@pytest.fixture
def open_activity(store, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)

    def run(**parameters):
        app = make_app(monkeypatch, "activity", store, **parameters).run()
        assert not app.exception
        return app

    return run


def list_actors(app):
    """Return the names and numbers of the list of actors, and the chosen ones."""
    tables = [json.loads(each.proto.json) for each in app.get("bidi_component")]
    (listed,) = (table for table in tables if isinstance(table, dict) and table.get("alt") == "Actors by number")
    return [tuple(row["cells"][:2]) for row in listed["rows"]], listed["chosen"]


def test_an_actor_written_in_two_letter_cases_is_one_in_the_spelling_of_most_notifications(open_activity):
    assert list_actors(open_activity()) == ([(LOUD_KIM, "3"), (LEE, "1")], [])


@pytest.mark.parametrize("who", [KIM, LOUD_KIM])
def test_an_actor_filters_and_is_chosen_in_any_letter_case(open_activity, who):
    app = open_activity(who=who)
    assert app.metric[0].value == "3"
    assert list_actors(app)[1] == [LOUD_KIM]
    assert len([row for row in table_rows(app) if str(row[0]).startswith("WA1ACMEWEB")]) == 3
