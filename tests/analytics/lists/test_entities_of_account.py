"""The entities that an account's page lists: those that are in the account now."""

from datetime import timedelta

import pytest

import analytics
from analytics import queries
from tests.support.readable_store import MIDDAY, Row, build_store

MINUTE = timedelta(minutes=1)


@pytest.fixture
def ask(tmp_path):
    def user(event, account, name, minute):
        return Row(f"User.{event}", account, name, {}, MIDDAY + minute * MINUTE)

    rows = [
        user("Created", "ACME", "KIM", 0),
        user("Created", "ACME", "LEE", 0),
        user("Updated", "BRIX", "KIM", 1),
        user("Updated", "BRIX", "LEE", 1),
        user("Deleted", "BRIX", "LEE", 2),
        user("Created", "ACME", "SUE", 2),
        user("Updated", "BRIX", "SUE", 3),
        user("Deleted", None, "SUE", 4),
        user("Created", "BRIX", "TOM", 5),
        user("Updated", "ACME", "TOM", 5),
        Row("Server.Updated", "ACME", "WA1ACMEWEB01", {}, MIDDAY),
        Row("Alert.Notification", "BRIX", "WA1ACMEWEB01", {}, MIDDAY + MINUTE),
        Row("Alert.Notification", "BRIX", "WA1BRIXWEB01", {}, MIDDAY),
    ]
    with analytics.connect(str(build_store(tmp_path / "s.duckdb", rows))) as client:
        yield lambda name, **values: client.sql(*queries.make_query(name, values)).to_pylist()


def test_an_entity_is_listed_in_the_account_that_told_its_state_last_with_all_its_notifications(ask):
    def list_in(account):
        rows = ask("entities_of_account", alias=account, page_rows=9)
        assert {row["total"] for row in rows} == {len(rows)}
        return [(row["entity_id"], row["notifications"], row["deleted"]) for row in rows]

    assert list_in("ACME") == [("WA1ACMEWEB01", 2, False), ("TOM", 2, False)]
    assert list_in("BRIX") == [("WA1BRIXWEB01", 1, False), ("KIM", 2, False), ("LEE", 3, True), ("SUE", 3, True)]


def test_an_entity_whose_last_notification_names_no_account_is_in_the_one_that_was_named_last(ask):
    assert ask("entity", category="User", entity="SUE")[0]["account_alias"] == "BRIX"
    assert [row["account_alias"] for row in ask("entities_found", named="SUE", page_rows=9)] == ["BRIX"]
    assert ask("entity", category="Server", entity="WA1ACMEWEB01")[0]["account_alias"] == "ACME"


def test_the_search_names_the_account_in_which_each_entity_is_listed(ask):
    listed = {row["entity_id"]: row["account_alias"] for row in ask("entities_found", page_rows=9)}
    assert listed == {
        **dict.fromkeys(("WA1ACMEWEB01", "TOM"), "ACME"),
        **dict.fromkeys(("WA1BRIXWEB01", "KIM", "LEE", "SUE"), "BRIX"),
    }
