"""The page Set up: the URLs for the sender, and whether they work."""

import re
from datetime import datetime
from urllib.parse import urlsplit

import streamlit as st

from analytics.pages.shared.components import draw_age_line, draw_text
from analytics.pages.shared.formatting import format_utc
from analytics.pages.shared.frame import draw_page
from analytics.pages.shared.store import ask, moment, null_to_none, records
from analytics.senders import events, senders
from analytics.senders.sender import Event
from analytics.settings import as_url, read_settings

BASE = "base"
HOST = re.compile(r"[A-Za-z0-9._:\[\]-]+")


def show() -> None:
    """Draw the page."""
    draw_page(
        "Set up",
        "Give each event its own target URL: only the URL identifies a notification's event.",
        None,
        body,
    )


def body() -> None:
    """Draw the choice of the address, and a line for each event."""
    draw_base_url()
    draw_targets(usable_base())


def default_base() -> str:
    """Return the URL of the listener for this machine."""
    return as_url(read_settings().listen)


def usable_base() -> str | None:
    """Return the typed address without a slash at its end; None where it is no http(s) URL."""
    typed = str(st.session_state.get(BASE) or default_base()).strip().rstrip("/")
    try:
        parts = urlsplit(typed)
        usable = parts.scheme in ("http", "https") and HOST.fullmatch(parts.netloc) and typed.isprintable()
    except ValueError:
        return None
    return typed if usable and not parts.query and not parts.fragment and " " not in typed else None


def draw_base_url() -> None:
    """Draw the choice of the address under which the sender reaches the receiver."""
    left, right = st.columns([2, 3], gap="large")
    with left, st.container(key="base-url"):
        st.text_input(
            "Address under which the sender reaches the receiver",
            value=default_base(),
            key=BASE,
            bind="query-params",
            help="The sender needs https with a valid certificate, for example a proxy's in front of the receiver.",
        )
        if usable_base() is None:
            st.error("This is not an address. One looks like https://webhooks.example.com", icon=":material/error:")
        elif usable_base() == default_base():
            st.caption("This default is for senders on this machine. A real sender needs a public https address.")
    with right, st.container(key="how-to"):
        for sender in senders():
            st.markdown(sender.how_to)


def draw_targets(base: str | None) -> None:
    """Draw a line for each event: its name, its URL, and the time of its last notification."""
    last = {
        null_to_none(row.event_type): (moment(row.last), int(row.notifications))
        for row in records(ask("last_of_each_event"))
    }
    with st.container(key="targets", border=True, gap="small"):
        for event in events():
            seen, count = last.get(event.name, (None, 0))
            draw_target(event, base, seen, count)
    if read_settings().url_secret:
        st.caption("Replace SECRET with the value of CLC_URL_SECRET, which no page shows.")
    if None in last:
        st.caption("Some notifications came to a category's URL, which does not identify the event.")


def draw_target(event: Event, base: str | None, seen: datetime | None, count: int) -> None:
    """Draw the line of an event."""
    name, url, state = st.columns([2, 3, 1.3], gap="medium", vertical_alignment="center")
    with name.container(gap=None):
        st.markdown(f"**{event.name}**")
        st.caption(f"when {event.fires}")
    if base is None:
        url.caption("Needs an address above.")
    else:
        with url:
            part = "SECRET/" if read_settings().url_secret else ""
            address = f"{base}/webhooks/{part}{event.name}"
            draw_text(address, key=f"url-{event.name}", alt=f"Target URL of {event.name}", wrap=False)
    with state.container(gap=None, key=f"last-{event.name.replace('.', '-')}"):
        if seen is None:
            st.markdown(":gray[:material/radio_button_unchecked: not yet]")
        else:
            st.markdown(":green[:material/check_circle:] received", help=format_utc(seen))
            draw_age_line(f"{count:,} in all, the latest ", seen, key=f"age-{event.name}")
