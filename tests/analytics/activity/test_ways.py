"""The ways from the page Activity to what it counts: the lists behind it have as many."""

from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs

import pytest

from tests.support.dashboard_app import make_app
from tests.support.readable_store import Row, build_store, server

AT = datetime.now(UTC) - timedelta(hours=1)
WEB, WEBS = "WA1ACMEWEB1", ("WA1ACMEWEB1", "WA1ACMEWEB10", "WA1ACMEWEB11")


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    rows = [Row("User", "ACME", "KIM", {"userName": "kim"}, AT) for _ in range(4)]
    rows += [server("ACME", name, received_at=AT, actor=f"{who}ann") for name in WEBS for who in ("", "jo")]
    return str(build_store(tmp_path_factory.mktemp("ways") / "store.duckdb", rows))


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
    [
        ({"types": "User"}, 4),
        ({"types": "User,Server.Updated"}, 10),
        ({"what": "User/KIM"}, 4),
    ],
)
def test_the_list_of_notifications_has_those_that_are_counted(open_page, chosen, number):
    activity = open_page("activity", **chosen)
    assert activity.metric[0].value == str(number)
    activity.button(key="see-these").click().run()
    path, _, values = activity.session_state["_go"].address.partition("?")
    listed = open_page(path, **parse_qs(values))
    assert f"**{number} notifications**" in [text.value for text in listed.markdown]
