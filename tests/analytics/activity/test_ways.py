"""The ways from the pages Activity and Entity to lists: these have what was counted, and of that name alone."""

from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs

import pytest

from analytics.pages.shared.known.memory import MEMORY
from tests.support.dashboard_app import make_app
from tests.support.readable_store import Changed, Row, build_store, server
from tests.support.sizes import take_few

AT = datetime.now(UTC) - timedelta(hours=1)
WEB, WEBS = "WA1ACMEWEB1", ("WA1ACMEWEB1", "WA1ACMEWEB10", "WA1ACMEWEB11")


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    rows = [Row("User", "ACME", "KIM", {"userName": "kim"}, AT) for _ in range(4)]
    rows += [server("ACME", name, received_at=AT, actor=f"{who}ann") for name in WEBS for who in ("", "jo")]
    changes = [Changed(seq, "details.cpu", "changed", "1", "2") for seq in range(5, len(rows) + 1)]
    return str(build_store(tmp_path_factory.mktemp("ways") / "store.duckdb", rows, changes=changes))


@pytest.fixture
def open_page(store, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)

    def run(page, **parameters):
        app = make_app(monkeypatch, page, store, **parameters).run()
        assert not app.exception
        return app

    return run


@pytest.mark.parametrize(
    ("chosen", "number"),
    take_few(
        [
            ({"types": "User"}, 4),
            ({"what": f"Server/{WEB}"}, 2),
            ({"types": "User,Server.Updated"}, 10),
            ({"what": "User/KIM"}, 4),
            ({"who": "ANN"}, 3),
        ],
        1,
    ),
)
def test_the_list_of_notifications_has_those_that_are_counted(open_page, chosen, number):
    activity = open_page("activity", **chosen)
    assert activity.metric[0].value == str(number)
    assert f"**{number} notifications**" in texts_behind(open_page, activity, "see-these")


def test_the_changes_by_a_user_are_nobody_elses(open_page):
    user = open_page("entity", category="User", name="ANN")
    assert "**3 changes**" in texts_behind(open_page, user, "open-changes")


def texts_behind(open_page, app, key):
    """Return the texts of the page to which a button leads."""
    app.button(key=key).click().run()
    path, _, values = app.session_state[MEMORY]["_go"].address.partition("?")
    return [text.value for text in open_page(path, **parse_qs(values)).markdown]
