"""Marks of findings as seen: each covers what its list showed, and nothing else."""

from datetime import timedelta
from random import Random
from uuid import UUID

from streamlit.testing.v1 import AppTest

from analytics.findings.finding import Finding, sort_findings
from analytics.findings.snapshot import FindingsSnapshot
from analytics.pages.activity.signs import describe_new
from analytics.pages.audit.findings import select_late
from analytics.pages.audit.seen import describe_filters
from analytics.pages.shared.known import marks as known_marks
from analytics.pages.shared.known.marks import (
    MOST_CHARACTERS,
    MOST_KEPT,
    Heard,
    add_mark,
    make_mark,
    parse_marks,
    read_known_ms,
    select_unseen,
)
from analytics.times import EPOCH
from tests.findings.history import NO_FILTERS

NOW = EPOCH + timedelta(days=20_000)
RANGE = (NOW - timedelta(days=7), NOW)


def finding(name, *, days=1.0, late=0.0, severity="low", actor="ann", stored_after=None):
    at = NOW - timedelta(days=days)
    received = (at + timedelta(days=late) - EPOCH) // timedelta(milliseconds=1)
    identity = str(UUID(int=received << 80 | 7 << 76 | 2 << 62))
    given = dict.fromkeys(Finding._fields) | {"id": name, "found_at": at, "severity": severity, "actor": actor}
    return Finding(**given | {"rule": "a_rule", "notification_ids": [identity], "stored_after": stored_after})


def snapshot_of(findings):
    return FindingsSnapshot(sort_findings(findings), [], NOW)


def read_known_at(finding):
    return EPOCH + timedelta(milliseconds=read_known_ms(finding))


def left_after(marked, *others, **filters):
    """Mark a list under filters, and return the ids of all findings that are still new."""
    mark = make_mark(marked, RANGE, {**NO_FILTERS, **filters})
    return [each.id for each in select_unseen([*marked, *others], parse_marks(add_mark("", mark)))]


def test_a_mark_covers_its_list_and_neither_what_a_filter_hid_nor_what_the_range_left_out():
    high, low = finding("high", severity="high"), finding("low")
    assert left_after([high], low, severities=["high"]) == ["low"]
    assert left_after([finding("by ann")], finding("by bob", actor="bob"), actor="ann") == ["by bob"]
    assert left_after([finding("by ann")], finding("by joann", actor="joann"), actor='"ANN"') == ["by joann"]
    assert left_after([finding("by Groß", actor="groß")], finding("by ann"), actor="GROSS") == ["by ann"]
    assert left_after([high, low], finding("old", days=8)) == ["old"]


def test_the_button_names_the_filters_of_its_list():
    assert describe_filters(NO_FILTERS) == ""
    assert describe_filters({**NO_FILTERS, "account": "ACME", "actor": "ann"}) == "account ACME, actor ann"
    assert describe_filters({**NO_FILTERS, "account_tree": "ROOT"}) == "account ROOT"


def test_a_finding_with_a_notification_that_was_received_later_is_new_whatever_time_it_tells():
    assert left_after([finding("first", days=2)], finding("late", days=3, late=2)) == ["late"]


def test_a_finding_whose_notification_was_stored_after_the_list_is_new_though_it_was_received_before():
    listed = finding("listed", days=2)
    assert left_after([listed], finding("stored later", days=3, stored_after=listed.found_at)) == ["stored later"]


def test_a_finding_of_an_earlier_time_is_late_in_the_range_in_which_its_last_notification_was_received():
    known_then = finding("known then", days=9)
    findings = [
        finding("in range", days=2),
        finding("late", days=9, late=5),
        finding("stored late", days=10, stored_after=NOW - timedelta(days=1)),
        known_then,
        finding("later", days=9, late=20),
    ]
    assert [each.id for each in select_late(snapshot_of(findings), *RANGE)] == ["late", "stored late"]
    assert select_late(snapshot_of(findings), None, None) == []


def test_late_findings_are_those_that_a_look_at_each_finds():
    random = Random(1)
    minute = 1 / 24 / 60
    findings = [
        finding(f"{number}", days=7 + random.uniform(-30, 60) * minute, late=random.choice((0, 1, 9, 11, 30)) * minute)
        for number in range(2000)
    ]
    begin, end = RANGE
    expected = [each for each in findings if each.found_at < begin <= read_known_at(each) < end]
    assert select_late(snapshot_of(findings), *RANGE) == sort_findings(expected)
    assert 100 < len(expected) < len(findings)


def test_a_mark_of_late_findings_covers_those_that_became_known_since_then_alone():
    late = finding("late", days=9, late=5)
    mark = make_mark([late], (EPOCH, RANGE[0]), NO_FILTERS, known_since=RANGE[0])
    marks = list(parse_marks(add_mark("", mark)))
    assert [each.id for each in select_unseen([late, finding("hidden then", days=9)], marks)] == ["hidden then"]


def test_marks_add_up_and_where_the_cookie_has_no_room_the_oldest_go():
    high, low = finding("high", severity="high"), finding("low")
    cookie = ""
    for marked, severity in ((high, "high"), (low, "low")):
        cookie = add_mark(cookie, make_mark([marked], RANGE, {**NO_FILTERS, "severities": [severity]}))
    assert select_unseen([high, low], parse_marks(cookie)) == []
    for number in range(100):
        filters = {**NO_FILTERS, "entity": f"x | y; {number}", "severities": ["low"]}
        cookie = add_mark(cookie, make_mark([low], RANGE, filters))
    assert len(cookie) <= MOST_CHARACTERS
    assert not set(cookie) & set(' ;,"\\')
    entities = [each.filters["entity"] for each in parse_marks(cookie)]
    assert entities == [f"x | y; {number}" for number in range(99, 99 - len(entities), -1)]


def test_marks_that_another_tab_has_set_are_heard_with_the_pulse(monkeypatch):
    def page():
        import streamlit as st

        from analytics.pages.shared.known.marks import SEEN, hear_cookie, read_cookie
        from analytics.pages.shared.silence import read_session_id

        hear_cookie(read_session_id(), "one|two")
        st.session_state[SEEN] = "two|three"
        st.text(read_cookie())

    monkeypatch.setattr(known_marks, "_heard", {})
    assert AppTest.from_function(page).run().text[0].value == "one|two|three"


def test_once_the_browser_was_heard_to_keep_a_mark_its_cookie_alone_counts(monkeypatch):
    def page():
        import streamlit as st

        from analytics.pages.shared.known.marks import hear_cookie, read_cookie
        from analytics.pages.shared.silence import read_session_id

        for cookie in st.session_state["cookies"]:
            hear_cookie(read_session_id(), cookie)
        st.text(read_cookie())

    monkeypatch.setattr(known_marks, "_heard", {})
    monkeypatch.setattr(known_marks, "is_known", lambda _: True)
    app = AppTest.from_function(page)
    app.session_state[known_marks.SEEN] = "one|two"
    # The page is not drawn between the last two.
    for cookies, read in ([""], "one|two"), (["one|two", ""], ""):
        app.session_state["cookies"] = cookies
        assert app.run().text[0].value == read


def test_a_list_may_be_marked_again_after_its_cookie_was_cleared(monkeypatch):
    def page():
        import streamlit as st

        from analytics.pages.shared.known.marks import hear_cookie, mark, read_cookie
        from analytics.pages.shared.silence import read_session_id

        hear_cookie(read_session_id(), "")
        mark(st.session_state["marks"])
        for cookie in (marked := read_cookie()), "":
            hear_cookie(read_session_id(), cookie)
        mark(st.session_state["marks"])
        st.text(read_cookie() == marked)

    monkeypatch.setattr(known_marks, "_heard", {})
    monkeypatch.setattr(known_marks, "is_known", lambda _: True)
    app = AppTest.from_function(page)
    app.session_state["marks"] = [make_mark([finding("found")], RANGE, NO_FILTERS)]
    assert app.run().text[0].value == "True"


def test_two_tabs_may_ask_for_the_pulse_at_once(monkeypatch):
    heard = {"ended": Heard("one", frozenset())}

    def is_known(session):
        # What the other tab's request does meanwhile.
        heard.pop("ended", None)
        heard["other"] = heard["third"] = Heard("one", frozenset())
        return session != "ended"

    monkeypatch.setattr(known_marks, "_heard", heard)
    monkeypatch.setattr(known_marks, "is_known", is_known)
    known_marks.hear_cookie("own", "one|two")
    assert {session: each.cookie for session, each in heard.items()} == {
        "other": "one",
        "third": "one",
        "own": "one|two",
    }


def test_ever_other_cookies_of_a_session_take_no_more_memory(monkeypatch):
    monkeypatch.setattr(known_marks, "_heard", {})
    monkeypatch.setattr(known_marks, "is_known", lambda _: True)
    for number in range(3 * MOST_KEPT):
        known_marks.hear_cookie("own", f"{number}")
    assert len(known_marks._heard["own"].kept) <= MOST_KEPT
    assert f"{number}" in known_marks._heard["own"].kept


def test_what_is_no_mark_in_the_cookie_hides_nothing():
    for cookie in ("", "1", "received=x&since=0&until=1", "received=9", "%|&=|received=1&since=1", "\u0661" * 9):
        assert list(parse_marks(cookie)) == []


def test_the_sign_of_activity_counts_the_findings_that_are_new():
    high, low = finding("high", severity="high"), finding("low")
    assert describe_new([high, low], 2) == "**1 high** of 2 findings"
    assert describe_new([low], 1) == "**1 finding**"
    assert describe_new([high, low], 109) == "**1 high** of 2 new, 109 findings"
    assert describe_new([low], 109) == "**1 new** of 109 findings"
    assert describe_new([], 109) == "**0 new** of 109 findings"
