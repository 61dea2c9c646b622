"""The choice of a time range: the presets that a page offers, a range of the user's own, and what the menu carries on.

A preset that was chosen by hand, or that an address names, follows to the other pages by the links of the top bar, to
each page that offers it. A page where nothing was chosen begins with its own default.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import streamlit as st

from analytics.pages.pages import PAGES
from analytics.pages.shared import address
from analytics.pages.shared.answers import read_now, skip_unanswered
from analytics.pages.shared.completeness import read_freshness
from analytics.pages.shared.components import register_script
from analytics.pages.shared.formatting import find_viewer_zone, format_range, name_with_zone
from analytics.pages.shared.known.memory import read_memory
from analytics.pages.shared.leafing import to_first_pages
from analytics.times import OWN, RANGES, YEARS, Interval, floor

# Streamlit's input knows no time zones; its label names one. In any zone these are before and after all of YEARS.
EARLIEST, LATEST = datetime(YEARS[0] - 1, 12, 1), datetime(YEARS[-1] + 1, 2, 1)  # noqa: DTZ001
A_DAY, A_MINUTE = timedelta(days=1), timedelta(minutes=1)
FIELD_FORMAT = "YYYY-MM-DD"
PRESET = "_preset"
"""The place of the chosen preset in the session's state."""
OWN_FIELDS = "own-popover"
REVERSED = "The range ends before it begins"


def draw_range(
    on_change: Callable[[], None] | None = None, *, label: str = "Time range", is_own: bool = False, own: bool = False
) -> str:
    """Draw the choice of the page's time ranges, and return the name of the chosen one.

    Args:
        on_change: is called after a choice.
        label: what the range is of.
        own: whether a range of the user's own can be chosen.
        is_own: whether the address has a range of the user's own by other means than its name. Then the choice is not
            in the address: Streamlit would add a preset before the user's own range leaves it, and Back lead to both.
    """
    offer = address.read_offer()
    # First, because the list shows eight at a time.
    names = [OWN, *offer.names] if own or is_own else list(offer.names)
    default = OWN if is_own else offer.default
    key = f"{offer.key}-{OWN}" if is_own else offer.key
    if offer.takes(given := st.query_params.get(key)) and given not in names:
        names.append(given)

    def choose() -> None:
        name = st.session_state[key] or default
        remember(name)
        if name == OWN and not is_own:
            begin_own()
            return
        if is_own:
            choose_preset(name)
        if on_change:
            on_change()

    chosen = st.selectbox(
        label,
        names,
        names.index(default),
        key=key,
        bind=None if is_own else "query-params",
        on_change=choose,
        filter_mode=None,
        label_visibility="collapsed",
        width=104,
    )
    chosen = chosen or default
    if st.query_params.get(key) == chosen:
        remember(chosen)
    elif address.has_stepped() and chosen == offer.default and read_memory().get(PRESET, chosen) != chosen:
        read_memory().pop(PRESET, None)
    register_script("carry")(key="carry", data={"carried": list_carried()}, height=1)
    return chosen


def remember(name: str) -> None:
    """Note the preset that was chosen; a range of the user's own leaves the last one in place."""
    if name in RANGES:
        read_memory()[PRESET] = name


def list_carried() -> dict[str, list[str]]:
    """Return the name and the value that a link of the top bar adds to a page's address, by the page's path.

    A page's default needs no name: Streamlit would take it out of the address, which is one more step for Back.
    """
    preset: str | None = read_memory().get(PRESET)
    offers = {page.path: page.offer for page in PAGES if page.offer}
    return {
        path: [offer.key, preset] for path, offer in offers.items() if offer.takes(preset) and preset != offer.default
    }


def draw_own_range(chosen: str) -> None:
    """Draw the ends of the user's own range where that is chosen, and the way back to a preset."""
    # A fixed place, as of what comes and goes in `choose_account`.
    with st.container(key="own-range", horizontal=True, vertical_alignment="center", gap="small", width="content"):
        if chosen != OWN:
            return
        own = read_ends()
        # Without ends, the range is the page's default; the button says so.
        text = format_range(own.since, own.until) if own else f"Last {address.read_offer().default}"
        with st.popover(text, icon=":material/date_range:", key=OWN_FIELDS, on_change="rerun"):
            # Above the fields, because the calendar of one lies over what is below it.
            st.button("Remove this range", key="own-remove", on_click=end_own, icon=":material/close:")
            draw_ends("own", own, put_own_end)


@skip_unanswered
def begin_own() -> None:
    """Begin the user's own range with the ends of the range in use, and open its fields."""
    st.session_state[OWN_FIELDS] = True
    if read_own():
        return
    offer = address.read_offer()
    preset: str | None = read_memory().get(PRESET)
    length = RANGES[preset if offer.takes(preset) else offer.default]
    # The fields know minutes; the one that runs is in the range.
    until = floor(read_now(), A_MINUTE) + A_MINUTE
    first = None if length else read_freshness().begin
    put_own(Interval(until - length if length else floor(first or until - A_DAY, A_MINUTE), until))


def read_own() -> Interval | None:
    """Return the user's own range in the address; None where it ends before it begins."""
    return Interval.parse(address.get(OWN))


def read_ends() -> Interval | None:
    """Return the ends of the user's own range, in whatever order they are."""
    return Interval.parse_ends(address.get(OWN))


def is_own_reversed() -> bool:
    """Say whether the user's own range is chosen and ends before it begins."""
    ends = read_ends()
    return st.session_state.get(address.read_offer().key) == OWN and ends is not None and ends.is_reversed


def draw_reversed() -> None:
    """Say that the user's own range ends before it begins, instead of what a page shows of a range."""
    with st.container(key="nothing", border=True):
        st.subheader(REVERSED, anchor=False)
        st.caption("Set its From and To in the bar, or choose another range there.")


def choose_own(own: Interval) -> None:
    """Choose a range of the user's own."""
    st.session_state[address.read_offer().key] = OWN
    put_own(own)


def put_own(own: Interval | None) -> None:
    """Put the user's own range into the address, and show all of it and the beginning of each list."""
    address.put(part=None, **to_first_pages(), **{OWN: str(own) if own else None})


def put_own_end(own: Interval | None) -> None:
    """Put the user's own range into the address, and leave its fields open: with another text the button is another."""
    st.session_state[OWN_FIELDS] = bool(st.session_state.get(OWN_FIELDS))
    put_own(own)


def end_own() -> None:
    """Choose a preset instead of the user's own range, and forget that."""
    choose_preset()
    address.put(part=None, **to_first_pages(), **{OWN: None})


def choose_preset(name: str | None = None) -> None:
    """Choose a preset: by its name, or the one that was chosen last if the page offers it, or the page's default."""
    offer = address.read_offer()
    preset = name or read_memory().get(PRESET)
    chosen = preset if offer.takes(preset) else offer.default
    st.session_state[offer.key] = chosen
    address.prepare_filter(offer.key, None if chosen == offer.default else chosen)


def draw_ends(name: str, chosen: Interval | None, keep: Any) -> None:
    """Draw the fields with the two ends of an interval; after a change, `keep` gets the interval."""
    zone = find_viewer_zone()
    turn = turn_of_fields(name, chosen)
    first, last = f"{name}-from-{turn}", f"{name}-to-{turn}"
    ends = {first: chosen and chosen.since, last: chosen and chosen.until}
    shown = {
        key: end and end.astimezone(zone).replace(tzinfo=None, second=0, microsecond=0) for key, end in ends.items()
    }
    for key, value in shown.items():
        address.show_in_field(key, value)

    def read_end(key: str) -> datetime | None:
        typed: datetime | None = st.session_state[key]
        # A field knows minutes, and not which hour it is when clocks go back: the end that was not edited is finer.
        if typed == shown[key]:
            return ends[key]
        return typed.replace(tzinfo=zone).astimezone(UTC) if typed else None

    def remember() -> None:
        begin, end = read_end(first), read_end(last)
        begin = begin or (end and end - A_DAY)
        given = Interval(begin, end) if begin else None
        note_given(name, given)
        keep(given)

    options: dict[str, Any] = {
        "min_value": EARLIEST,
        "max_value": LATEST,
        "format": FIELD_FORMAT,
        "step": 60,
        "width": 200,
    }
    st.datetime_input(name_with_zone("From"), None, key=first, on_change=remember, **options)
    st.datetime_input(f"{name_with_zone('To')}, empty = now", None, key=last, on_change=remember, **options)


def turn_of_fields(name: str, value: object) -> int:
    """Return how often fields were set by other means than by themselves, for their keys: then they are drawn anew.

    A field in a closed popover does not take a value that is set from here. At the next refresh it would give back the
    value that it had when the popover was open.
    """
    given, turn = _read_given(name)
    if given != value:
        turn += 1
        st.session_state[f"given-{name}"] = value, turn
    return turn


def note_given(name: str, value: object) -> None:
    """Note the value that fields gave by themselves, see `turn_of_fields`."""
    _, turn = _read_given(name)
    st.session_state[f"given-{name}"] = value, turn


def _read_given(name: str) -> tuple[object, int]:
    given: tuple[object, int] = st.session_state.get(f"given-{name}", (None, 0))
    return given
