"""The list of accounts on the page Activity, drawn without a browser."""

from datetime import UTC, datetime

import pytest

from analytics.pages.activity.lists import accounts
from tests.support.dashboard_app import click_row, make_app
from tests.support.readable_store import account, build_store
from tests.support.sizes import take_few

NOW = datetime.now(UTC)


@pytest.mark.parametrize(("alias", "number"), take_few([("ROOT", "2"), ("HEN", "1"), ("CHICK", "1")], 1))
def test_a_click_on_an_account_in_the_tree_leaves_the_number_of_its_row(monkeypatch, tmp_path, alias, number):
    parents = {"ROOT": None, "ACME": "ROOT", "HEN": "EGG", "EGG": "HEN", "CHICK": "HEN"}
    rows = [account(each, each.title(), parent, received_at=NOW) for each, parent in parents.items()]
    store = str(build_store(tmp_path / "store.duckdb", rows))
    app = make_app(monkeypatch, "activity", store, **{"accounts-as": "Tree"})
    click_row(monkeypatch, accounts, "accounts-tree", alias, "Account")
    assert app.run().run().metric[0].value == number
    assert not app.exception
