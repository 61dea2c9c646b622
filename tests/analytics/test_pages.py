"""The pages and what they are made of: run without a browser, on a DuckDB file."""

import json
import re
import shutil
from datetime import UTC, datetime, timedelta

import duckdb
import pytest
import streamlit as st
from streamlit.proto.WidgetStates_pb2 import WidgetStates
from streamlit.runtime.fragment import MemoryFragmentStorage
from streamlit.testing.v1 import AppTest

from analytics.client.keeping import KeptAnswer
from analytics.senders import colours, list_event_types
from analytics.text import parse_payload
from analytics.times import Interval
from tests.support.dashboard_app import age_lines, make_app, plain_texts, table_rows
from tests.support.readable_store import (
    HOSTILE_NAME,
    build_store,
    hostile_refusals,
    hostile_rows,
    many_rows,
)
from tests.support.sizes import size, take_few

# Markup that is not taken back by a backslash.
MARKUP = re.compile(r"(?<!\\)(<script|!\[picture)")


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    now = datetime.now(UTC)
    rows = [*many_rows(300, now, days=20), *hostile_rows(now)]
    return str(build_store(tmp_path_factory.mktemp("pages") / "store.duckdb", rows, hostile_refusals(now)))


@pytest.fixture
def open_page(store, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)

    def run(page, location=store, **parameters):
        return make_app(monkeypatch, page, location, **parameters).run()

    return run


@pytest.mark.parametrize("page", ["activity", "notifications", "set_up"])
def test_each_page_is_drawn_and_says_how_fresh_it_is(open_page, page):
    app = open_page(page)
    assert not app.exception
    assert any(re.fullmatch(r"\. · newest \.", line) for line in age_lines(app))


@pytest.mark.parametrize("text", ["a" * 33, "a" * 35, "-" * 4, "-" * 36, "a-" * 18])
def test_a_text_that_is_no_part_of_an_id_finds_nothing(open_page, text):
    app = open_page("entity", named=text)
    assert not app.exception
    assert app.subheader[-1].value == "No entity"
    assert not app.error


def test_found_accounts_have_their_business_names_and_other_entities_those_of_their_accounts(open_page):
    found = [row[:3] for row in table_rows(open_page("entity", named="ACME"))]
    assert ["Account", "ACME  Acme Manufacturing", ""] in found
    assert "ACME  Acme Manufacturing" in [account for kind, _, account in found if kind == "Server"]


@pytest.mark.full
def test_an_address_may_still_name_30_days_though_28_are_offered(open_page):
    assert {"28 d", "30 d"} & {*open_page("activity").selectbox(key="range").options} == {"28 d"}
    chosen = open_page("activity", range="30 d").selectbox(key="range")
    assert (chosen.value, chosen.options[-1]) == ("30 d", "30 d")


@pytest.mark.full
def test_30_days_of_an_address_stay_in_links_and_as_ends_of_an_own_range_and_come_back_after_it(open_page):
    app = open_page("activity", range="30 d")
    (links,) = (drawn.proto.json for drawn in app.get("bidi_component") if "carried" in drawn.proto.json)
    assert json.loads(links)["carried"]["audit"] == ["range", "30 d"]
    app.selectbox(key="range").set_value("own").run()
    own = Interval.parse(app.query_params["own"])
    assert own.until - own.since == timedelta(days=30)
    app.button(key="own-remove").click().run()
    assert app.selectbox(key="range").value == "30 d"


@pytest.mark.parametrize("page", take_few(["activity", "alerts", "audit", "notifications"], 1))
def test_the_labels_of_each_chart_are_dark_enough_on_a_light_page(open_page, page):
    charts = [json.loads(element.proto.spec) for element in open_page(page, range="all").get("vega_lite_chart")]
    assert charts
    for spec in charts:
        for part in ("axis", "legend"):
            assert contrast_on_white(spec["config"][part]["labelColor"]) >= 4.5, part


def contrast_on_white(colour):
    """Return the contrast of a colour with white, by WCAG 2."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 1.05 / (0.2126 * red + 0.7152 * green + 0.0722 * blue + 0.05)


@pytest.mark.parametrize("page", take_few(["activity", "audit", "notifications"], 1))
def test_a_range_that_ends_before_it_begins_is_said_to_do_so_and_no_other_is_shown(open_page, page):
    first, last = "2026-03-02T12:00:00", "2026-03-01T12:00:00"
    own = {"from": first, "to": last} if page == "notifications" else {"range": "own", "own": f"{first}Z/{last}Z"}
    app = open_page(page, **own)
    assert not app.exception
    assert "The range ends before it begins" in [head.value for head in app.subheader]
    assert not app.metric
    assert not [text.value for text in app.markdown if re.match(r"\*\*\d+ change", text.value)]
    fields = [field.value for field in app.get("date_time_input")]
    assert [f"{field:%Y-%m-%dT%H:%M:%S}" for field in fields] == [first, last]


def test_what_follows_a_count_keeps_its_place_on_the_page_whether_it_counts_or_not():
    def page():
        import streamlit as st

        from analytics.pages.shared.components import draw_again_after

        draw_again_after(2.0 if st.session_state.get("away") else None, "part")
        st.text("below")

    def place():
        return next(place for place, shown in app.main.children.items() if shown.type == "text")

    app = AppTest.from_function(page).run()
    before = place()
    app.session_state["away"] = True
    app.run()
    assert not app.exception
    assert place() == before


def test_a_filter_shows_what_the_address_says_though_the_first_run_of_its_page_ended_before_it():
    def page():
        import streamlit as st

        from analytics.pages.shared import address

        address.enter(st.session_state["title"], lambda: None)
        if st.session_state.pop("cut", None):
            st.rerun()
        st.text_input("Entity contains", key="entity", bind="query-params")
        address.end_arrival()

    app = AppTest.from_function(page)
    app.session_state["title"] = "Notifications"
    app.run()
    app.text_input(key="entity").input("ONE").run()
    app.session_state["title"], app.session_state["cut"] = "Audit", True
    app.query_params["entity"] = "KIM"
    app.run()
    assert not app.exception
    assert app.text_input(key="entity").value == "KIM"
    assert app.text_input(key="entity").input("TWO").run().text_input(key="entity").value == "TWO"


def test_a_filter_that_the_browser_has_not_drawn_yet_is_sent_with_its_value_again_and_a_drawn_one_is_not():
    def page():
        import streamlit as st

        from analytics.pages.shared import address

        address.enter("Audit", lambda: None)
        address.send_again()
        st.text_input("Entity contains", key="entity", bind="query-params")

    app = AppTest.from_function(page)
    app.query_params["entity"] = "KIM"
    app.run()
    assert app.text_input(key="entity").proto.set_value
    app._run(WidgetStates())  # as a browser asks to which nothing of what was drawn has come
    field = app.text_input(key="entity")
    assert (field.proto.set_value, field.value) == (True, "KIM")
    assert not app.run().text_input(key="entity").proto.set_value


def test_a_filter_whose_query_fails_is_said_and_not_asked_for_again_at_once(open_page, store, tmp_path):
    broken = shutil.copy(store, tmp_path)
    with duckdb.connect(broken) as connection:
        connection.execute("DROP VIEW accounts")
    app = open_page("notifications", broken)
    assert not app.exception
    assert [warning.value.startswith("This query failed.") for warning in app.warning] == [True]
    assert "\\n" not in app.warning[0].value


@pytest.mark.parametrize("page", take_few(["activity", "notifications", "set_up"], 2))
def test_markdown_never_holds_what_came_from_outside(open_page, page):
    for parameters in ({}, {"named": HOSTILE_NAME, "of": "User"}, {"account": HOSTILE_NAME}, {"list": "Refused"}):
        app = open_page(page, **parameters)
        assert not app.exception
        marked = [element.value for element in (*app.markdown, *app.caption, *app.subheader)]
        marked += [button.label for button in app.button] + [metric.label for metric in app.metric]
        assert not any(map(MARKUP.search, marked))


@pytest.mark.parametrize(
    "own",
    [
        "2000-01-01T00:00Z/..",
        "2099-12-31T23:00Z/..",
        "2001-01-01T00:00Z/2099-12-31T23:59Z",
        "0001-01-01T00:00Z/..",
        "x",
    ][:: size(3, 1)],
)
def test_whatever_range_of_ones_own_an_address_has_activity_is_drawn(open_page, own):
    for week in ({}, {"compare": "a week before"}):
        app = open_page("activity", range="own", own=own, part=own, **week)
        assert not app.exception
        assert app.metric[0].label == "Notifications"


@pytest.mark.full
@pytest.mark.parametrize(
    ("zone", "moment"),
    [
        ("America/New_York", "0001-01-01"),
        ("America/New_York", "2000-01-01"),
        ("Europe/Berlin", "2099-12-31T23:59:59Z"),
        ("Europe/Berlin", "9999-12-31T23:59:59Z"),
    ][:: size(4, 1)],
)
def test_whatever_moment_an_address_has_its_page_is_drawn(open_page, monkeypatch, zone, moment):
    monkeypatch.setattr(type(st.context), "timezone", zone)
    for page, named in (
        ("notifications", {"from": moment, "to": moment}),
        ("notifications", {"paused": "2", "at": moment, "when": "24 h"}),
        ("audit", {"until": moment}),
        ("alerts", {"until": moment}),
        ("entity", {"category": "Server", "name": "WA1ACMEWEB01", "at": moment}),
    ):
        assert not open_page(page, **named).exception, named


@pytest.mark.full
@pytest.mark.parametrize(
    ("own", "begin", "then"),
    [
        ("2026-03-04T09:59:05Z/2026-03-04T10:00:35Z", "2026-03-04T11:00", "2026-03-04T10:00Z/2026-03-04T10:00:35Z"),
        ("2026-10-25T00:10Z/2026-10-25T01:30Z", "2026-10-25T01:00", "2026-10-24T23:00Z/2026-10-25T01:30Z"),
    ],
)
def test_the_end_of_a_range_that_is_not_edited_stays_exactly_as_it_was(open_page, monkeypatch, own, begin, then):
    monkeypatch.setattr(type(st.context), "timezone", "Europe/Berlin")
    app = open_page("audit", range="own", own=own)
    app.get("date_time_input")[0].set_value(datetime.fromisoformat(begin)).run()
    assert not app.exception
    assert app.query_params["own"] == then


def test_the_figures_are_those_of_the_store(open_page):
    app = open_page("activity")
    assert [metric.label for metric in app.metric] == ["Notifications", "Changed fields"]
    assert "**3 refused**" in app.button(key="sign-refused").label


def test_what_is_not_known_of_a_store_without_a_receiver_is_neither_ok_nor_0(open_page):
    assert "Health: **not known** now" in open_page("activity").button(key="sign-health").label


def entities(app):
    heads = [re.match(r"\*\*Entities\*\*: (\d+)", text.value) for text in app.markdown]
    return sum(int(head[1]) for head in heads if head)


@pytest.mark.parametrize("counted", take_few(["Notifications", "Changed fields"], 1))
def test_a_place_without_entities_and_an_entity_are_counted_as_they_are(open_page, counted):
    assert entities(open_page("activity", centre="XX9", count=counted, range="all")) == 0
    chosen = open_page("activity", what=f"User/{HOSTILE_NAME}", count="Notifications", range="all")
    assert entities(chosen) == 1


def test_an_empty_store_says_what_to_do(open_page, tmp_path):
    empty = str(build_store(tmp_path / "empty.duckdb", []))
    for page in ("activity", "notifications", "alerts", "audit", "entity"):
        app = open_page(page, empty)
        assert [head.value for head in app.subheader if head.value.startswith("No ")] == ["No notification yet"], page
        said = " ".join(text.value for text in (*app.caption, *app.markdown))
        assert "filters" not in said, page
        assert "period before" not in said, page
        app.button(key="to-set-up").click()
        assert app.run().session_state["_memory"]["_go"].address.startswith("set-up"), page
    assert sum("not yet" in text.value for text in open_page("set_up", empty).markdown) == 10


def test_no_receiver_says_what_to_start_on_every_page(open_page):
    for page in ("activity", "notifications", "set_up"):
        app = open_page(page, "http://127.0.0.1:9")
        assert [head.value for head in app.subheader][-1] == "No receiver to read from"
        assert "clc-receiver serve" in plain_texts(app)


def test_set_up_gives_ten_urls_under_the_address_that_was_typed(open_page):
    app = open_page("set_up", base="https://hooks.example.com/")
    assert plain_texts(app) == [f"https://hooks.example.com/webhooks/{name}" for name in list_event_types()]


def test_set_up_gives_the_urls_that_the_running_receiver_answers(open_page, monkeypatch):
    figures = [{"name": "listen", "value": "https://0.0.0.0:28090"}, {"name": "url_secret", "value": 1}]
    monkeypatch.setattr("analytics.pages.shared.store.ask_status", lambda: {"figures": figures})
    app = open_page("set_up")
    assert plain_texts(app)[0] == "https://127.0.0.1:28090/webhooks/SECRET/Account.Created"
    assert "Replace SECRET with the value of CLC_URL_SECRET, which no page shows." in [
        caption.value for caption in app.caption
    ]


@pytest.mark.parametrize(
    "base", take_few(["javascript:alert(1)", "https://", "https://a b", "https://x/?y", "<script>"], 2)
)
def test_set_up_gives_no_urls_under_what_is_no_address(open_page, base):
    app = open_page("set_up", base=base)
    assert [error.value for error in app.error] == [
        "This is not an address. One looks like https://webhooks.example.com"
    ]
    assert plain_texts(app) == []


def test_an_opened_notification_shows_verdict_and_raw_payload(open_page):
    app = open_page("notifications", seq="8")
    assert any("Verified: the signature fits" in text.value for text in app.markdown)
    assert any(map(parse_payload, plain_texts(app)))


def test_a_page_is_drawn_before_its_findings_are_known_and_says_so(open_page, monkeypatch):
    monkeypatch.setattr(KeptAnswer, "read_up_to", lambda *_: None)
    app = open_page("activity")
    assert app.metric
    assert any("being computed" in button.label for button in app.button)
    app = open_page("audit")
    assert any("are being computed" in text.value for text in app.markdown)
    assert all("No findings" not in text.value for text in (*app.markdown, *app.caption))


@pytest.mark.parametrize(
    "page", take_few(["activity", "alerts", "audit", "entity", "health", "notifications", "set_up", "sql"], 1)
)
def test_no_part_of_a_page_lies_in_another_while_it_waits_for_what_is_computed(open_page, monkeypatch, page):
    """Streamlit throws away what a part drew when it draws it again at once, but not what a part within it drew."""
    within = {}

    register = MemoryFragmentStorage.register

    def watched(storage, key, fragment, *, parent_fragment_id=None, **more):
        within[key] = parent_fragment_id
        register(storage, key, fragment, parent_fragment_id=parent_fragment_id, **more)

    monkeypatch.setattr(MemoryFragmentStorage, "register", watched)
    monkeypatch.setattr(KeptAnswer, "read_up_to", lambda *_: None)
    app = open_page(page, seq="8", category="Server", name="WA1ACMEWEB01", sql="SELECT 1")
    assert not app.exception
    assert len(within) >= 2
    assert set(within.values()) == {None}


def test_what_the_address_names_but_the_store_has_not_is_said(open_page):
    for parameters in ({"seq": "999999"}, {"refused": "no-uuid"}):
        assert any("not in the store" in text.value for text in open_page("notifications", **parameters).caption)
    nonesuch = open_page("entity", category="Server", name="NONESUCH")
    assert any("not in the store" in text.value for text in nonesuch.caption)


@pytest.mark.parametrize("page", take_few(["activity", "alerts"], 1))
def test_a_chosen_account_stands_in_its_field_without_the_indentation_of_the_tree(open_page, page):
    app = open_page(page, account="ACEU")
    (field,) = [box for box in app.selectbox if box.key == "account_choice"]
    assert field.value == "ACEU"
    assert "ACEU Acme Europe GmbH" in field.options
    assert any(option.startswith("\u2002") for option in field.options)
    field.select("ACAP")
    (field,) = [box for box in app.run().selectbox if box.key == "account_choice"]
    assert field.value == "ACAP"
    assert app.query_params["account"] == "ACAP"
    assert "ACAP Acme Asia Pacific" in field.options


def test_every_event_has_a_colour_of_its_own_on_light_and_on_dark():
    for dark in (False, True):
        assert len({colours(dark)[name] for name in list_event_types()}) == 10
