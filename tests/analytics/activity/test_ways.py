"""The ways from the pages Activity and Entity to lists: these have what was counted, and of that name alone."""

from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs

import pytest

from analytics.pages.shared.known.memory import MEMORY
from analytics.text import format_count
from tests.support.dashboard_app import make_app
from tests.support.readable_store import Changed, Row, build_store, server
from tests.support.sizes import take_few

AT = datetime.now(UTC) - timedelta(hours=1)
WEB, WEBS = "WA1ACMEWEB1", ("WA1ACMEWEB1", "WA1ACMEWEB10", "WA1ACMEWEB11")


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    rows = [Row("User", "ACME", "KIM", {"userName": "kim"}, AT) for _ in range(4)]
    rows += [server("ACME", name, received_at=AT, actor=f"{who}ann") for name in WEBS for who in ("", "jo")]
    rows.append(server("BRIX", f"NO{WEB}", received_at=AT))
    changes = [Changed(seq, "details.cpu", "changed", "1", "2") for seq in range(5, len(rows))]
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
            ({"types": "User,Server.Updated"}, 11),
            ({"what": "User/KIM"}, 4),
            ({"who": "ANN"}, 3),
            ({"who": "-ANN"}, 8),
            ({"types": "-User"}, 7),
            ({"what": f"-Server/{WEB}\nUser/KIM"}, 5),
            ({"account": "-ACME"}, 1),
            ({"centre": "WA1"}, 6),
            ({"centre": "-WA1"}, 5),
            ({"types": "Nonsense.Thing"}, 0),
            ({"sender": "nobody"}, 0),
            ({"sender": "-centurylink"}, 0),
            ({"what": "Nonsense/KIM"}, 0),
        ],
        1,
    ),
)
def test_the_list_of_notifications_has_those_that_are_counted(open_page, chosen, number):
    activity = open_page("activity", **chosen)
    assert activity.metric[0].value == str(number)
    texts = texts_behind(open_page, activity, "see-these")
    assert f"**{format_count(number, 'notification')}**" in texts


def test_the_changes_by_a_user_are_nobody_elses(open_page):
    user = open_page("entity", category="User", name="ANN")
    assert "**3 changes**" in texts_behind(open_page, user, "open-changes")


def texts_behind(open_page, app, key):
    """Return the texts of the page to which a button leads."""
    app.button(key=key).click().run()
    path, _, values = app.session_state[MEMORY]["_go"].address.partition("?")
    return [text.value for text in open_page(path, **parse_qs(values)).markdown]


def list_chips(app):
    return [button.label.replace("\\", "") for button in app.button if str(button.key).startswith("chip-")]


@pytest.mark.parametrize(
    ("page", "address", "said"),
    [
        ("activity", {"types": "Nonsense.Thing"}, "unknown event Nonsense.Thing"),
        ("activity", {"sender": "nobody"}, "unknown sender nobody"),
        ("activity", {"what": "Nonsense/KIM"}, "unknown category Nonsense: KIM"),
        ("activity", {"what": f"-Server/{WEB}"}, f"without {WEB}"),
        ("notifications", {"events": "Nonsense.Thing"}, "unknown event Nonsense.Thing"),
        ("notifications", {"sender": "nobody"}, "unknown sender nobody"),
        ("notifications", {"centre": "WA1"}, "Data centre: WA1"),
        ("notifications", {"who": "-ann", "types": "-User"}, "without ann"),
    ],
)
def test_each_filter_of_an_address_is_said_also_one_that_nothing_can_fit(open_page, page, address, said):
    app = open_page(page, **address)
    assert said in list_chips(app)
    if said.startswith("unknown"):
        titles = [title.value for title in app.subheader]
        assert [figure.value for figure in app.metric] == ["0", "0"] or "No notification" in titles
    app.button(key=next(button.key for button in app.button if button.label.replace("\\", "") == said)).click().run()
    assert said not in list_chips(app)


def test_a_chip_turns_its_filter_round_and_a_name_that_begins_with_a_minus_is_a_name(open_page):
    app = open_page("activity", who="ann")
    app.button(key="swap-who").click().run()
    assert (app.metric[0].value, app.query_params["who"]) == ("8", "-ann")
    app.button(key="swap--0-who-ann").click().run()
    assert (app.metric[0].value, app.query_params["who"]) == ("3", "ann")
    assert open_page("activity", who="\n-ann").metric[0].value == "0"
    assert list_chips(open_page("activity", who="\n-ann")) == ["Actor: -ann"]
