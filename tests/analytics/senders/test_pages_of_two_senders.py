"""The pages of a store where two senders use the same words and names for different things."""

import json
from datetime import UTC, datetime, timedelta

import duckdb
import pytest

from analytics import senders
from analytics.senders.described import Seen, as_sender
from tests.support.dashboard_app import make_app, table_rows
from tests.support.readable_store import Row, account, build_store

DESCRIPTION = json.dumps({"account_category": "shop"})
SEEN = [Seen(name, name.split(".")[0], "Updated") for name in ("invoice.paid", "shop.updated", "user.changed")]


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    def ago(hours):
        return datetime.now(UTC) - timedelta(hours=hours)

    rows = [
        account("BASE", "Base Holding", None, received_at=ago(5)),
        account("DEMO", "Demo Manufacturing", "BASE", received_at=ago(4)),
        Row("User.Created", "DEMO", "KIM", {"userName": "kim", "status": "Active"}, ago(3)),
        Row("invoice.paid", "DEMO", "inv-17", {}, ago(2), sender="till", category="invoice"),
        Row("shop.updated", "DEMO", "DEMO", {}, ago(2), sender="till", category="shop"),
        Row("user.changed", "DEMO", "U123", {}, ago(1), sender="till", category="user"),
    ]
    file = build_store(tmp_path_factory.mktemp("two") / "two.duckdb", rows)
    with duckdb.connect(str(file)) as connection:
        description = "INSERT INTO senders BY NAME SELECT 'till' AS name, 'Till' AS title, ? AS description"
        connection.execute(description, [DESCRIPTION])
    # A page learns the senders itself, but may have been drawn by then.
    senders.learn([as_sender("till", "Till", DESCRIPTION, SEEN)])
    yield str(file)
    senders.learn([])


@pytest.fixture
def open_page(store, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)

    def run(page, **parameters):
        app = make_app(monkeypatch, page, store, **parameters).run()
        assert not app.exception
        return app

    return run


@pytest.mark.parametrize("more", [{"sender": "centurylink"}, {}])
def test_an_entity_opens_beside_another_senders_category_of_the_same_word_in_another_letter_case(open_page, more):
    app = open_page("entity", category="User", name="kim", **more)
    assert next(text.value for text in app.text) == "KIM"
    assert "No notification about it" not in [head.value for head in app.subheader]


def test_the_search_for_a_category_finds_those_of_that_letter_case(open_page):
    assert [row[2] for row in table_rows(open_page("entity", among="User"))] == ["KIM"]
    assert [row[2] for row in table_rows(open_page("entity", among="user"))] == ["U123"]
    assert [row[2] for row in table_rows(open_page("entity", among="user", sender="centurylink"))] == ["KIM"]
