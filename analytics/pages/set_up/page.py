"""The page Set up: the URLs for the sender, and whether they work."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple
from urllib.parse import urlsplit

import streamlit as st

from analytics.pages.shared import going
from analytics.pages.shared.completeness import read_freshness
from analytics.pages.shared.components import draw_age_line, draw_text
from analytics.pages.shared.formatting import format_minute, format_utc
from analytics.pages.shared.frame import draw_page
from analytics.pages.shared.store import PATH_HINT, ask, find_receiver, list_rows, null_to_none, to_moment
from analytics.senders import has_several_senders, list_heard, list_learned, list_shipped
from analytics.senders.sender import Event, Sender
from analytics.text import as_markdown

BASE = "base"
HOST = re.compile(r"[A-Za-z0-9._:\[\]-]+")


def show() -> None:
    """Draw the page."""
    draw_page(
        "Set up",
        "Give each event its own target URL: only the URL identifies a notification's event.",
        None,
        draw_body,
    )


def draw_body() -> None:
    """Draw the choice of the address, and a line for each event."""
    draw_base_url()
    draw_targets(find_usable_base())


def find_usable_base() -> str | None:
    """Return the typed address without a slash at its end; None where it is no http(s) URL."""
    typed = str(st.session_state.get(BASE) or find_receiver().url).strip().rstrip("/")
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
            value=find_receiver().url,
            key=BASE,
            bind="query-params",
            help="The sender needs https with a valid certificate, for example a proxy's in front of the receiver.",
        )
        base = find_usable_base()
        if base is None:
            st.error("This is not an address. One looks like https://webhooks.example.com", icon=":material/error:")
        elif base == find_receiver().url:
            st.caption(
                "This default is for senders on the receiver's machine. A real sender needs a public https address."
            )
    with right, st.container(key="how-to"):
        senders = list_heard()
        for sender in senders:
            if len(senders) > 1:
                st.markdown(f"**{as_markdown(sender.title)}**")
            draw_steps(sender, base)


def draw_steps(sender: Sender, base: str | None) -> None:
    """Draw what to do at a sender and at the receiver; a step that is the target URL has the button that copies it."""
    steps = describe_steps(sender, base)
    before, url, after = steps.partition(f": `{make_url(sender, base)}`\n")
    if not url or base is None:
        st.markdown(steps)
        return
    st.markdown(f"{before}:")
    draw_text(make_url(sender, base), key=f"step-{sender.name}", alt=f"Target URL of {sender.title}")
    st.markdown(after)


def describe_steps(sender: Sender, base: str | None) -> str:
    """Return what to do at a sender and at the receiver, as Markdown."""
    if sender in list_shipped():
        return sender.how_to
    steps = sender.how_to or "1. Let the sender post to {url}."
    steps = steps.replace("{url}", f"`{make_url(sender, base)}`") + "\n"
    if variable := sender.secret_variable:
        file = f"the file `{sender.name}` in `CLC_SECRETS_DIR`"
        steps += f"\nThe receiver reads the secret from its setting `{variable}`, or from {file}."
    return steps


def make_url(sender: Sender, base: str | None) -> str:
    """Return the target URL of a sender that has one."""
    return f"{base or 'https://…'}/senders/{find_receiver().secret_part}{sender.name}"


class Receipt(NamedTuple):
    """The last receipt of some notifications, and their number."""

    last: datetime | None = None
    notifications: int = 0

    def add(self, other: "Receipt") -> "Receipt":
        """Return the receipt of these and others."""
        latest = max(filter(None, (self.last, other.last)), default=None)
        return Receipt(latest, self.notifications + other.notifications)


def draw_targets(base: str | None) -> None:
    """Draw a line for each event of the senders whose URLs name the event, and one for each other sender."""
    by_event: dict[tuple[str, str | None], Receipt] = {}
    by_sender: dict[str, Receipt] = {}
    for row in list_rows(ask("last_of_each_event")):
        receipt = Receipt(to_moment(row.last), int(row.notifications))
        by_event[row.sender, null_to_none(row.event_type)] = receipt
        by_sender[row.sender] = by_sender.get(row.sender, Receipt()).add(receipt)
    others_alone = bool(by_sender) and not any(sender.name in by_sender for sender in list_shipped())
    if others_alone:
        draw_other_senders(list_learned(), base, by_sender)
    draw_events(base, by_event)
    if list_learned() and not others_alone:
        draw_other_senders(list_learned(), base, by_sender)


def draw_events(base: str | None, receipts: Mapping[tuple[str, str | None], Receipt]) -> None:
    """Draw a line for each event of the senders whose URLs name the event."""
    if list_heard() != list_shipped():
        titles = ", ".join(as_markdown(sender.title) for sender in list_shipped())
        st.markdown(f"**{titles}**", help="Each event has a target URL of its own.")
    with st.container(key="targets", border=True, gap="small"):
        for sender in list_shipped():
            for event in sender.events:
                draw_target(sender, event, base, receipts.get((sender.name, event.name), Receipt()))
    if find_receiver().has_url_secret:
        st.caption(PATH_HINT)
    if any((sender.name, None) in receipts for sender in list_shipped()):
        st.caption("Some notifications came to a category's URL, which does not identify the event.")


def draw_other_senders(described: Sequence[Sender], base: str | None, receipts: Mapping[str, Receipt]) -> None:
    """Draw a line for each sender with a profile: first those that sent, then those that are set up."""
    st.markdown(
        f"**{'Other senders' if list_shipped()[0] in list_heard() else 'Senders'}**",
        help="Each has one target URL. The receiver takes it once it has the sender's secret.",
    )
    with st.container(key="other-senders", border=True, gap="small"):
        ranks = {sender.name: (sender.name not in receipts, not sender.is_set_up) for sender in described}
        for sender in sorted(described, key=lambda sender: (ranks[sender.name], sender.title.lower())):
            draw_other_sender(sender, base, receipts.get(sender.name, Receipt()))


def draw_other_sender(sender: Sender, base: str | None, receipt: Receipt) -> None:
    """Draw the line of a sender: its name with the steps, its URL, and whether it is set up and received."""
    name, url, state = st.columns([2, 3, 1.5], gap="medium", vertical_alignment="center")
    steps = describe_steps(sender, base)
    if sender.documentation.startswith("https://"):
        steps += f"\n\n[Documentation of the sender]({sender.documentation})"
    with name, st.popover(as_markdown(sender.title), type="tertiary", width="content"):
        st.markdown(steps)
    with url:
        draw_url(base and make_url(sender, base), sender.name, sender.title)
    with state.container(gap=None, key=f"last-{sender.name}"):
        if sender.is_set_up or receipt.last:
            draw_receipt(receipt, sender.name, sender=sender)
        if not sender.is_set_up:
            st.caption(as_markdown(f"{'not taken now: ' if receipt.last else ''}set {sender.secret_variable}"))


def draw_target(sender: Sender, event: Event, base: str | None, receipt: Receipt) -> None:
    """Draw the line of an event."""
    name, url, state = st.columns([2, 3, 1.5], gap="medium", vertical_alignment="center")
    # Both in one text: each element more is a message that the page waits for.
    name.markdown(f"**{event.name}**  \n:small[:gray[when {event.fires}]]")
    with url:
        target = f"{base}/webhooks/{find_receiver().secret_part}{event.name}" if base else None
        draw_url(target, event.name, event.name)
    with state.container(gap=None, key=f"last-{event.name.replace('.', '-')}"):
        draw_receipt(receipt, event.name, sender=sender, events=[event.name])


def draw_url(url: str | None, key: str, what: str) -> None:
    """Draw the target URL of an event or a sender; None where the address that it needs is not usable."""
    if url:
        draw_text(url, key=f"url-{key}", alt=f"Target URL of {what}")
    else:
        st.caption("Needs an address above.")


def draw_receipt(receipt: Receipt, key: str, *, sender: Sender, events: Sequence[str] = ()) -> None:
    """Draw when notifications were received last, or that none were, with the way to them.

    Args:
        receipt: their receipt.
        key: the name of the line on the page.
        sender: their sender.
        events: their event types; empty for all of the sender.
    """
    since = read_freshness().complete_since
    if receipt.last is None:
        when = f"not since {as_markdown(format_minute(since))}" if since else "not yet"
        st.markdown(f":gray[:material/radio_button_unchecked: {when}]")
    else:
        st.markdown(":green[:material/check_circle:] received", help=format_utc(receipt.last))
        with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
            number = f"{receipt.notifications:,} {'here' if since else 'in all'}"
            st.button(number, key=f"received-{key}", type="tertiary", on_click=to_received,
                  args=(sender, events), help="Opens these notifications, copies included.")  # fmt: skip
            draw_age_line("the latest ", receipt.last, key=f"age-{key}")


def to_received(sender: Sender, events: Sequence[str]) -> None:
    """Go to the notifications of a sender of all time, or to those of some event types."""
    by = sender.name if has_several_senders() else None
    going.to_page("notifications", when="all", sender=by, events=list(events), copies="true")
