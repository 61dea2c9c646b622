"""Pages of a store that has dropped months, drawn without a browser: each says so where it reaches before them."""

from urllib.parse import parse_qsl

import pytest

from tests.support.dashboard_app import age_lines, make_app
from tests.support.dropping import BUSY, DAY, GONE, NEW, REACHING, SAID, SINCE, SINCE_THEN, drop_before, history
from tests.support.stored import store_of


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    file = store_of(tmp_path_factory.mktemp("dropped"), history())
    drop_before(file, SINCE)
    return str(file)


@pytest.fixture
def open_page(store, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)

    def run(path, address):
        app = make_app(monkeypatch, path.strip("/") or "activity", store, **dict(parse_qsl(address))).run()
        assert not app.exception
        return app

    return run


def captions(app):
    return [text.value.replace("\\", "") for text in app.caption]


@pytest.mark.parametrize(("path", "earlier", "later"), REACHING)
def test_a_page_says_since_when_it_is_complete_where_it_reaches_before_that(open_page, path, earlier, later):
    assert any(SAID in text for text in captions(open_page(path, earlier)))
    assert not any(SAID in text for text in captions(open_page(path, later)))


def test_activity_counts_from_then_on_and_nothing_of_a_time_before(open_page):
    whole = open_page("/", "range=year")
    assert whole.metric[0].value == str(SINCE_THEN)
    before = "/".join(f"{SINCE - days * DAY:%Y-%m-%dT%H:%MZ}" for days in (20, 2))
    early = open_page("/", f"range=own&own={before}")
    assert [metric.value for metric in early.metric] == ["0", "0"]
    assert any("in months that are in the lake alone" in text for text in captions(early))


@pytest.mark.parametrize(
    ("path", "address"), [("/notifications", "seq=2"), ("/entity", "category=User&name=KIM&step=2")]
)
def test_a_link_to_a_dropped_notification_says_where_it_is(open_page, path, address):
    app = open_page(path, address)
    assert any(GONE in text for text in (*captions(app), *(text.value for text in app.text)))


def test_set_up_says_of_no_event_that_it_never_came_or_how_often_in_all(open_page):
    app = open_page("/set_up", "")
    assert any(f"not since {SINCE:%Y-%m-%d} 00:00 UTC" in text.value.replace("\\", "") for text in app.markdown)
    assert any("1 here" in button.label for button in app.button)


def test_an_entity_was_first_seen_at_no_time_where_earlier_ones_were_dropped(open_page):
    assert any("first seen" in line for line in age_lines(open_page("/entity", f"category=Server&name={NEW}")))
    assert not any("first seen" in line for line in age_lines(open_page("/entity", f"category=Server&name={BUSY}")))
