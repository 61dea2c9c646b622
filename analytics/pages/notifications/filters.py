"""The filters of the page Notifications; all of them are in the page's address."""

from datetime import datetime
from functools import partial
from typing import Any

import streamlit as st

from analytics.pages.notifications.paging import Point, ReceivedRange, leave_around
from analytics.pages.shared import address
from analytics.pages.shared.filters import (
    ACTOR,
    CENTRE,
    ENTITY,
    NAME_HINT,
    TYPES,
    Chip,
    choose_account,
    choose_sender,
    draw_chips,
    draw_filters,
    list_chips,
    list_sender_chips,
    list_without_chips,
    make_without_parameters,
    name_event,
    read_one,
    split_names,
    toggle,
)
from analytics.pages.shared.formatting import find_viewer_zone, format_range, map_types, name_with_zone
from analytics.pages.shared.ranges import EARLIEST, LATEST, choose_preset, draw_range, note_given, turn_of_fields
from analytics.senders import describe_any_entity, find_place
from analytics.times import RANGES, format_seconds
from analytics.words.meanings import MARKS

FILTERS = {"events": [], "entity": "", "actor": "", "text": "", "signature": [], "copies": False}
ENDS = {"from": "from-choice", "to": "to-choice"}


def to_newest() -> None:
    """Go to the first page, because another filter makes another list."""
    leave_around()
    address.put(before=None)


def clear() -> None:
    """Remove all filters of the card; range and account have fields of their own."""
    st.session_state.update(FILTERS)
    address.put(before=None, **dict.fromkeys((TYPES, ACTOR, ENTITY, CENTRE)))


def choose_filters() -> dict[str, Any]:
    """Draw the filters, besides those of time, and return the parameters of queries."""
    bound: dict[str, Any] = {"bind": "query-params", "on_change": to_newest}
    of_names = {**bound, "help": NAME_HINT}
    account = choose_account() | choose_sender()
    with draw_filters(FILTERS, clear):
        types = map_types()
        # Streamlit would pass over an event of the address that is no choice.
        offered = dict.fromkeys((*types, *st.query_params.get_all("events"), *st.session_state.get("events", ())))
        events = st.multiselect("Event types", list(offered), key="events", placeholder="All event types", **bound)
        status = st.multiselect("Signature", list(MARKS), key="signature", placeholder="Any", **bound)
        named = st.text_input("Entity contains", key="entity", placeholder=describe_any_entity(), **of_names)
        by = st.text_input("Actor contains", key="actor", placeholder="who changed it", **of_names)
        holds = st.text_input("Payload contains", key="text", placeholder="any text in the body", **bound)
        with_copies = st.checkbox("with copies", key="copies", help="Copies of the same notification.", **bound)
    values = {
        "signature": ("Signature", ", ".join(status)),
        "entity": ("Entity", named),
        "actor": ("Actor", by),
        "text": ("Payload", holds),
        "copies": ("With", "copies" if with_copies else ""),
    }
    names = {str(text): types.get(text, str(text)) for text in events}
    chips = [Chip(f"events-{text}", *name_event(names[text], "Event"), partial(drop_event, text)) for text in names]
    chips += [*list_sender_chips(), *list_chips(values, FILTERS, to_newest), *list_without_chips()]
    if centre := read_one(CENTRE):
        where = find_place()
        chips.append(Chip(CENTRE, where.name if where else "Unknown place", centre, partial(toggle, CENTRE, centre)))
    draw_chips(chips)
    return {
        **account,
        "event_types": list(names.values()) or None,
        "signatures": status or None,
        **split_names({"entity": named or None, "actor": by or None}),
        "text": holds or None,
        "without_copies": None if with_copies else True,
        "centre": centre,
        **make_without_parameters(),
    }


def drop_event(text: str) -> None:
    """Remove an event from the filter."""
    st.session_state["events"] = [each for each in st.session_state["events"] if each != text]
    to_newest()


def read_own_range() -> ReceivedRange:
    """Return the user's own range, set by fields or a brush."""
    return ReceivedRange(address.read_moment("from"), address.read_moment("to"))


def narrow_to(since: datetime, until: datetime) -> None:
    """Set the user's own range."""
    address.prepare_filter("when", None)
    address.put(before=None, **{"from": format_seconds(since), "to": format_seconds(until)})


def end_own() -> None:
    """Choose a preset instead of the user's own range."""
    choose_preset()
    widen()


def widen() -> None:
    """Remove the user's own range."""
    address.put(before=None, **dict.fromkeys(ENDS))


def choose_span() -> str:
    """Draw the choice of the time of receipt, and return the name of the chosen length."""
    own = read_own_range()
    length = draw_range(widen, label="Received in the last", is_own=any(own))
    with st.popover(format_range(*own) or "Own range", icon=":material/date_range:", key="own-popover"):
        st.caption("The same as dragging across the chart, for the keyboard.")
        # Above the fields, because the calendar of one lies over what is below it.
        above = st.container(key="own-remove-place")
        turn = turn_of_fields("own", own)
        end_field("from", name_with_zone("From"), own, turn)
        end_field("to", name_with_zone("To"), own, turn)
        if any(own):
            above.button("Remove this range", key="own-remove", on_click=end_own, icon=":material/close:")
    return length


def end_field(name: str, label: str, own: ReceivedRange, turn: int) -> None:
    """Draw the field of one end of the user's own range; see `turn_of_fields`."""
    key = f"{ENDS[name]}-{turn}"
    chosen = own.since if name == "from" else own.until
    # The field knows minutes; a brush may have been finer.
    value = chosen.astimezone(find_viewer_zone()).replace(tzinfo=None, second=0, microsecond=0) if chosen else None
    address.show_in_field(key, value)

    def remember() -> None:
        typed: datetime | None = st.session_state[key]
        moment = typed.replace(tzinfo=find_viewer_zone()) if typed else None
        address.prepare_filter("when", None)
        address.put(before=None, **{name: format_seconds(moment) if moment else None})
        note_given("own", read_own_range())

    st.datetime_input(label, None, min_value=EARLIEST, max_value=LATEST, key=key, on_change=remember,
          format="YYYY-MM-DD", step=60, width=205)  # fmt: skip


def find_range(length: str, here: Point) -> ReceivedRange:
    """Return the list's range of time: the user's own range within the chosen length."""
    own, longest = read_own_range(), RANGES.get(length)
    begin = here.at - longest if longest else None
    since = max((moment for moment in (own.since, begin) if moment), default=None)
    return ReceivedRange(since, own.until)
