"""The frame around every page: its title, its controls, its refreshing parts, and its troubles."""

from collections.abc import Callable

import streamlit as st
from streamlit.delta_generator import DeltaGenerator
from streamlit.runtime.scriptrunner import get_script_run_ctx

from analytics.errors import AnalyticsError, BusyError, NotRunningError, QueryError
from analytics.pages.shared import address, answers, going
from analytics.pages.shared.answers import read_now
from analytics.pages.shared.completeness import read_freshness
from analytics.pages.shared.components import BROWSER, Lamp, draw_again_after, draw_age_line, read_file
from analytics.pages.shared.formatting import format_with_zone
from analytics.pages.shared.health_figures import judge_receiver
from analytics.pages.shared.known.alarms import IN_ALARM, open_in_alarm
from analytics.pages.shared.known.findings import begin_known
from analytics.pages.shared.known.memory import read_memory
from analytics.pages.shared.known.waiting import forget_awaited
from analytics.pages.shared.search import draw_search_field
from analytics.pages.shared.silence import (
    GONE,
    RETRY_SECONDS,
    draw_age_of_silence,
    draw_gone,
    draw_instead,
    draw_not_kept,
    keep_or_leave,
    leave,
    watch,
)
from analytics.pages.shared.store import find_location, run_query
from analytics.queries import Query
from analytics.senders import list_alerts
from analytics.text import as_markdown

PULSE_SECONDS = 5.0
TRY_SECONDS = 5.0
"""A part whose query failed is tried again after this time, unless it refreshes by itself."""
TRIED = "_tried"
LAMPS: dict[str, Lamp] = {"ok": "fresh", "amber": "late", "red": "old"}
BAR = "_bar"
"""The place of the controls in the session's state."""
# Each is there only while it is needed: a browser tries rules with :has() on every element that it draws.
AWAITED = """<i></i><style>
[data-stale="true"]:not(.st-key-bar *) { opacity: 0.5 !important; transition: opacity 0.2s 0.4s !important; }
</style>"""
"""The look of values that a choice or a click is about to replace; most go so soon that it would only flicker."""
OLDER = """<i></i><style>
[data-testid="stLayoutWrapper"]:has(> .st-key-look-of-{part}) ~ :not(:has(.st-key-sql-editor)) {{
  opacity: 0.6 !important; filter: grayscale(0.7);
}}
</style>"""
"""The look of a part whose query fails: it is old, but what is written or chosen there is not."""


def is_dark() -> bool:
    """Say whether the viewer's theme is dark."""
    return st.context.theme.type == "dark"


def add_style(name: str) -> None:
    """Add a style sheet to the page."""
    st.html(f"<style>{read_file(BROWSER, f'{name}.css')}</style>")


def refresh_control(default: str) -> float | None:
    """Draw the choice of the time between refreshes, and return it in seconds."""
    names = list(address.REFRESH)
    chosen = st.selectbox(
        "Refresh", names, names.index(default), key="refresh", bind="query-params", width=84, filter_mode=None,
        label_visibility="collapsed",
    )  # fmt: skip
    return address.REFRESH[chosen or default]


def find_bar() -> DeltaGenerator:
    """Return the place of the controls in the page's bar, for those that are drawn with its body."""
    place: DeltaGenerator = st.session_state[BAR]
    return place


def draw_page(
    title: str,
    lead: str,
    controls: Callable[[], None] | None,
    body: Callable[[], None],
    *,
    refresh: str | None = "5 s",
    instead: Callable[[], None] | None = None,
) -> None:
    """Draw a page: its header and controls once, its body again at every refresh.

    Args:
        title: the page's name.
        lead: what one can do there, shown on a hover of the title.
        controls: draws the page's filters; None without any.
        body: draws the store's answers; may raise `AnalyticsError`.
        refresh: the first choice of `address.REFRESH`; None where a refresh draws only the line about freshness.
        instead: draws the known facts while the store does not answer.
    """
    if not address.is_drawn(title):
        going.leave_behind()
    address.enter(title, going.arrive)
    address.send_again()
    going.depart()
    going.show_said()
    address.name_tab()
    forget_awaited()
    add_style("style")
    add_style("phone")
    with st.container(key="search-place"):
        st.fragment(draw_search_field)()
    age, seconds = draw_bar(title, lead, refresh)
    # Fixed places: a fragment that is drawn again before the browser has its first drawing has no place of its own
    # until then, and the browser refuses everything after it.
    with st.container(key="pulse"):
        st.fragment(watch)()
    place = st.container(key="instead")
    if GONE in read_memory():
        address.keep()
        with age:
            draw_age_of_silence()
        draw_gone(instead)
        return
    if answers.read_silence():
        seconds = RETRY_SECONDS
        with place:
            draw_instead(instead)
    try:
        if controls:
            with find_bar():
                controls()
    except QueryError as error:
        address.keep()
        draw_trouble(error, "controls")
        draw_again_soon()
        return
    except AnalyticsError as error:
        leave(error)
        return
    address.end_arrival()
    if refresh:
        st.fragment(draw_guarded)("all", body, age=age, again_after=seconds)
    else:
        st.fragment(draw_guarded)("freshness", None, age=age, again_after=seconds)
        st.fragment(draw_guarded)("body", body)


def draw_bar(title: str, lead: str, refresh: str | None) -> tuple[DeltaGenerator, float | None]:
    """Draw the bar; return the place of the age, and the seconds between two drawings of the body."""
    with st.container(key="bar", horizontal=True, vertical_alignment="center", gap="small"):
        with st.container(key="title", width="content"):
            st.subheader(title, anchor=False, help=lead)
        st.session_state[BAR] = st.container(
            key="controls", horizontal=True, vertical_alignment="center", gap="small", width="content"
        )
        st.space("stretch")
        age = st.container(key="freshness", width="content")
        return age, refresh_control(refresh) if refresh else PULSE_SECONDS


def draw_freshness(*, whole: bool) -> None:
    """Draw the moment of the shown values and the age of the newest notification; both ages count by themselves.

    Args:
        whole: whether everything below is of this drawing; if not, each part below gives its own moment.
    """
    newest = read_freshness().newest
    at = answers.read_oldest_moment()
    as_of = (at, " · ") if whole else ()
    last = ("newest ", newest) if newest else ("no notification yet",)
    hover = [f"Read at {format_with_zone(at)}"] if whole else []
    if newest:
        hover.append(f"Newest notification received at {format_with_zone(newest)}")
    state = find_state()
    if state != "ok":
        hover.append(f"Receiver {state}, see Health")
    draw_age_line(*as_of, *last, key="age", drawn_at=read_now(), hover="\n".join(hover),
          lamp=LAMPS[state] if whole else None, trouble=find_trouble(state))  # fmt: skip


def find_state() -> str:
    """Return the receiver's state; an unknown one is no trouble of the page."""
    try:
        return judge_receiver().state
    except AnalyticsError:
        return "ok"


def find_trouble(state: str) -> str:
    """Return what the title of the browser's tab says first: that the receiver is red, or how many are in alarm."""
    if state == "red":
        return "receiver red"
    if not list_alerts():
        return ""
    begin_known(IN_ALARM, kept := open_in_alarm(find_location()))
    count = kept.snapshot.count(None) if kept.snapshot else 0
    return f"{count:,} in alarm" if count else ""


@going.end_if_overtaken()
def draw_guarded(
    part: str,
    body: Callable[[], None] | None,
    *,
    age: DeltaGenerator | None = None,
    again_after: float | None = None,
) -> None:
    """Draw a part of a page, or the reason why it can't be drawn.

    Args:
        part: its name.
        body: draws it.
        age: the place of the line that gives its moment, if there is one.
        again_after: the seconds until it is drawn again; None for never.
    """
    failed = answers.read_failure(part)
    due = draw_again_after(again_after or (TRY_SECONDS if failed else None), part)
    going.depart()
    going.show_said()
    address.name_tab()
    # A fixed place, so that a warning moves nothing in the browser's tree.
    place = st.container(key=f"place-of-trouble-{part}")
    with st.container(key=f"look-of-{part}"):
        look = st.html(OLDER.format(part=part)) if failed else st.empty()
    if not due and not failed:
        look.html(AWAITED)
    # Streamlit lets a fragment write into a container outside it only where the first drawing did, even if it failed.
    age = age.container() if age else None
    keeping = None
    try:
        keeping = check_failure(part, failed, due=due) if failed else None
        if keeping:
            with place:
                draw_trouble(keeping, part, "Below is what was shown before.")
        with answers.keep_answers(part, keeping=keeping):
            draw_part(body, age)
        if not keeping:
            look.empty()
    except QueryError as error:
        if keeping:
            draw_not_kept()
        elif answers.note_failure(part, error):
            draw_anew()
        else:
            address.keep()
            with place:
                draw_trouble(error, part)
            if not again_after:
                draw_again_after(TRY_SECONDS, f"failed-{part}")
    except NotRunningError as error:
        keep_or_leave(error)
    except AnalyticsError as error:
        leave(error)


def draw_part(body: Callable[[], None] | None, age: DeltaGenerator | None) -> None:
    """Draw a part of a page, and the line with its moment: last, because older values are shown until then.

    A part drawn from kept answers is older itself, so its line comes first.
    """
    if age:
        read_freshness()
    is_older = answers.is_kept()
    if age and is_older:
        with age:
            draw_freshness(whole=body is not None)
    if body:
        forget_awaited()
        body()
    if age and not is_older:
        with age:
            draw_freshness(whole=body is not None)


def check_failure(part: str, failure: answers.Failure, *, due: bool) -> QueryError | None:
    """Return the error because of which a part uses kept answers; None where it is drawn anew.

    On a refresh, the query that failed runs first, and the part is drawn anew only if it succeeds. After a click, the
    part is drawn anew at once, because the click may have changed the query.
    """
    if not failure.is_shown:
        failure.is_shown = True
        return failure.error
    if due and isinstance(failure.query, Query):
        try:
            run_query(failure.query)
        except QueryError as error:
            failure.error = error
            return error
    answers.end_failure(part)
    return None


def draw_anew() -> None:
    """Start the current drawing again: only the fragment where only that is being drawn."""
    context = get_script_run_ctx()
    st.rerun(scope="fragment" if context and context.fragment_ids_this_run else "app")


def draw_trouble(error: QueryError, part: str, shown: str = "") -> None:
    """Draw the error of a part's query, and a sentence about what is shown instead."""
    with st.container(key=f"trouble-{part}"):
        kind = "The receiver is busy; this is tried again." if isinstance(error, BusyError) else "This query failed."
        sentence = f"{kind} {as_markdown(' '.join(str(error).split()))} {shown}".rstrip()
        st.warning(sentence, icon=":material/hourglass_top:")


@st.fragment
def draw_again_soon() -> None:
    """Draw the whole page again after some seconds, because no part can draw itself."""
    draw_again_after(RETRY_SECONDS, "again")
    if read_memory().pop(TRIED, None):
        st.rerun()
    read_memory()[TRIED] = True
