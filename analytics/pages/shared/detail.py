"""The panel beside a list: a whole notification, accepted or refused, and the buttons that lead from it."""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple

import pandas as pd
import streamlit as st

from analytics.pages.shared import going
from analytics.pages.shared.answers import read_now
from analytics.pages.shared.changes import draw_difference, draw_saying, find_due, read_alerts, read_sayings
from analytics.pages.shared.completeness import describe_gone
from analytics.pages.shared.components import draw_age_line, draw_pairs, draw_text
from analytics.pages.shared.formatting import format_lag, format_utc, format_with_zone, parse_headers
from analytics.pages.shared.known.findings import draw_findings_of
from analytics.pages.shared.open_item import (
    OpenItem,
    close,
    draw_body_button,
    draw_copies,
    draw_neighbours,
    is_uuid,
    open_notification,
)
from analytics.pages.shared.store import ask, null_to_none, to_moment
from analytics.senders import (
    as_words,
    find_account_kind,
    find_account_word,
    find_icon,
    find_kind_of,
    find_person_kind,
    find_sender,
    has_several_senders,
    has_state,
    is_account,
    list_learned,
)
from analytics.text import (
    MOST_FIELDS,
    as_markdown,
    capitalize,
    format_count,
    list_fields,
    make_name_visible,
    make_payload_visible,
    make_visible,
    parse_payload,
    shorten,
)
from analytics.words.meanings import THIRD_PARTY, describe_verdict
from analytics.words.refusals import describe_refusal

TALLEST = 420
VERDICT_ICONS = {
    "valid": ":green[:material/verified_user:]",
    "invalid": ":red[:material/gpp_bad:]",
    "missing": ":orange[:material/gpp_maybe:]",
}


class Tab(NamedTuple):
    """A tab beside those of the payload: its name, and the function that draws it."""

    name: str
    draw: Callable[[], None]


def draw_panel(what: OpenItem) -> None:
    """Draw the open item."""
    with st.container(key="detail", border=True, gap="small"):
        if what.seq is not None:
            draw_notification(what.seq)
        elif what.rejection:
            draw_rejection(what.rejection)


def draw_head(kind: str, name: str, on_close: Callable[[], None] = close, at: datetime | None = None) -> None:
    """Draw the panel's head: the item's kind, its name as text, its moment `at`, and the button that closes it."""
    with st.container(horizontal=True, vertical_alignment="center", key="detail-head"):
        st.caption(kind)
        st.space("stretch")
        st.button("Close", key="close-detail", on_click=on_close, type="tertiary", icon=":material/close:")
    with st.container(key="detail-name", gap=None):
        st.text(make_name_visible(name))
        if at:
            draw_age_line(f"{format_with_zone(at)}, ", at, key="detail-when")


def draw_missing(what: str, seq: int | None = None) -> None:
    """Say that the store lacks the item in the address, and why it lacks a notification that was dropped."""
    draw_head("Not found", what)
    st.caption(describe_gone(seq))


def draw_facts(values: list[tuple[str, Any]], key: str = "facts") -> None:
    """Draw names with their values, as text."""
    shown = [
        (name, make_visible(str(value))) for name, value in values if null_to_none(value) is not None and str(value)
    ]
    draw_pairs(shown, key=key, alt="Known facts", height=TALLEST)


def draw_verdict(row: Any) -> None:
    """Draw the verdict on a signature in words: what a valid one proves, and why another one is not valid."""
    status, title = row["signature_status"], as_markdown(find_sender(row["sender"]).title)
    words = describe_verdict(status, null_to_none(row["proof"]) or THIRD_PARTY, title) or as_markdown(status)
    detail = null_to_none(row["signature_detail"])
    with st.container(key="verdict"):
        st.markdown(f"{VERDICT_ICONS.get(status, '')} {words}" + (f" {as_markdown(detail)}." if detail else ""))


def draw_receipt(row: Any) -> None:
    """Draw when and from where a notification came, if that was long after its event, and its findings."""
    with st.container(key="receipt", gap="small"):
        occurred, received = to_moment(row["occurred_at"]), to_moment(row["received_at"])
        due = find_due(read_alerts(pd.DataFrame([row])), int(row["seq"]))
        if late := format_lag(occurred, received, null_to_none(row["source_ip"]), due):
            st.markdown(f":orange[:material/schedule:] Occurred {format_with_zone(occurred)}, {as_markdown(late)}.")
    draw_findings_of(str(row["id"]), received or read_now())


def draw_payload(payload: str, first: Tab | None = None, last: Tab | None = None) -> None:
    """Draw a payload as fields, tree and raw text, with a tab before these and one after."""
    content = parse_payload(payload)
    names = [tab.name for tab in (first,) if tab] + ["Fields", "Tree", "Raw"] + [tab.name for tab in (last,) if tab]
    tabs = dict(zip(names, st.tabs(names), strict=True))
    for tab in filter(None, (first, last)):
        with tabs[tab.name]:
            tab.draw()
    fields_tab, tree_tab, raw_tab = tabs["Fields"], tabs["Tree"], tabs["Raw"]
    with fields_tab:
        if content is None:
            st.caption("It can't be parsed here; see the raw text.")
        else:
            fields = [field for _, field in zip(range(MOST_FIELDS + 1), list_fields(content), strict=False)]
            draw_pairs(fields[:MOST_FIELDS], key="payload-fields", alt="Fields of the payload", height=TALLEST)
            if len(fields) > MOST_FIELDS:
                st.caption(f"The first {MOST_FIELDS} are shown.")
    with tree_tab, st.container(key="payload-tree"):
        if content is None:
            st.caption("It can't be shown as a tree; see the raw text.")
        else:
            st.json(make_payload_visible(content), expanded=3)
    with raw_tab, st.container(key="payload-raw"):
        draw_text(make_visible(payload, keep="\n"), key="raw", alt="The body as received", height=TALLEST)
        st.caption(
            f"{format_count(len(payload.encode()), 'byte')}, as received; invisible characters are shown as escapes."
        )


def draw_name_button(
    what: str, name: str, category: str, key: str, *, opens: str | None = None, sender: str | None = None
) -> None:
    """Draw a button that leads to an entity: to `opens`, where the shown name is not the entity's own."""
    label = as_markdown(f"{what} {shorten(name, 40)}")
    go = partial(going.to_entity, category, opens or name, sender=sender)
    st.button(label, key=key, on_click=go, icon=find_icon(category, sender))


def draw_account_button(name: str, key: str, sender: str | None, *, opens: str | None = None) -> None:
    """Draw a button that leads to an account, with the sender's word for one."""
    draw_name_button(
        capitalize(find_account_word(sender)), name, find_account_kind(sender), key, opens=opens, sender=sender
    )


def draw_links(row: Any) -> None:
    """Draw the buttons that lead to the entity, its account and the actor."""
    category, entity, account, actor = row["category"], row["entity_id"], row["account_alias"], row["actor"]
    sender = str(row["sender"])
    if null_to_none(entity) and not is_account(category, sender):
        name, kind = read_sayings(pd.DataFrame([row]))[row["seq"]].name_entity(entity), find_kind_of(category)
        draw_name_button(as_words(kind, sender), name, category, "open-entity", opens=entity, sender=sender)
    if null_to_none(account):
        draw_account_button(account, "open-account", sender)
    if null_to_none(actor):
        name = going.find_user(str(actor), sender)
        draw_name_button("Actor", name, find_person_kind(sender), "open-actor", sender=sender)
    if null_to_none(entity):
        go = partial(going.to_entity, category, entity, int(row["seq"]), sender=sender)
        st.button("In its timeline", key="open-step", on_click=go, icon=":material/timeline:")


def draw_notification(seq: int) -> None:
    """Draw one notification."""
    rows = ask("notification", seq=seq)
    if rows.empty:
        draw_missing(f"Notification {seq}", seq)
        return
    row = rows.iloc[0]
    received = to_moment(row["received_at"])
    event = null_to_none(row["event_type"]) or f"{row['category']}, event unknown"
    draw_head("Notification", str(event), at=received)
    # Fixed places: what moves in the browser's tree loses its bond to the address (see `choose_account`).
    with st.container(key="neighbours-place", gap=None):
        draw_neighbours(row)
    draw_verdict(row)
    draw_receipt(row)
    with st.container(horizontal=True, gap="small", key="detail-links"):
        draw_links(row)
        draw_copies(row)
    draw_payload(row["payload"], Tab("Changes", lambda: draw_changes(row)), Tab("About", lambda: draw_about(row)))


def draw_about(row: Any) -> None:
    """Draw the facts about a notification besides its body."""
    received, occurred = to_moment(row["received_at"]), to_moment(row["occurred_at"])
    draw_facts(
        [
            ("Sender", find_sender(row["sender"]).title if has_several_senders() else None),
            ("Entity", null_to_none(row["entity_id"])),
            (capitalize(find_account_word(str(row["sender"]))), null_to_none(row["account_alias"])),
            ("Actor", null_to_none(row["actor"])),
            *list_moment_facts("Occurred", occurred),
            *list_moment_facts("Received", received),
            ("From address", null_to_none(row["source_ip"])),
            ("Copy of", null_to_none(row["duplicate_of"])),
            ("Number", row["seq"]),
            ("Id", row["id"]),
            ("Signature judged with key", null_to_none(row["key_fingerprint"])),
        ]
    )


def list_moment_facts(what: str, at: datetime | None) -> list[tuple[str, str]]:
    """Return a moment as a fact: in UTC, and in the viewer's time zone where that is another."""
    local, utc = format_with_zone(at), format_utc(at)
    return [(what, utc)] if local == utc else [(what, local), (f"{what} (UTC)", format_utc(at).removesuffix(" UTC"))]


def draw_changes(row: Any) -> None:
    """Draw a notification's changes of its entity, or the reason why there are none."""
    original = null_to_none(row["duplicate_of"])
    if original is not None:
        st.caption("This is a copy of an earlier notification, so it changes nothing.")
        first = ask("seq_of_id", id=str(original))
        if len(first):
            seq = int(first.iloc[0]["seq"])
            st.button("Open that one", key="open-original", on_click=open_notification, args=(seq,))
    elif not has_state(row["category"]):
        for report in read_alerts(pd.DataFrame([row])).values():
            st.text(capitalize(report.text))
        st.caption("An alert reports a moment, so there is no earlier state to compare it with.")
    elif null_to_none(row["entity_id"]) is None:
        draw_saying(row)
        st.caption("It names no entity, so there is nothing to compare it with.")
    else:
        draw_difference(row)


def draw_rejection(identity: str) -> None:
    """Draw a refused notification: the reason, the advice, and the request."""
    rows = ask("rejection", id=identity) if is_uuid(identity) else pd.DataFrame()
    if rows.empty:
        draw_missing("This refused notification")
        return
    row = rows.iloc[0]
    received = to_moment(row["received_at"])
    sender, detail = null_to_none(row["sender"]), null_to_none(row["signature_detail"])
    refusal = describe_refusal(row["reason"], sender, detail)
    name = f"{refusal.title} ({row['reason']})" if refusal else row["reason"]
    draw_head("Refused notification", name, at=received)
    if refusal:
        st.markdown(f":orange[:material/block:] {as_markdown(refusal.why)}")
        st.markdown(f":blue[:material/build:] {as_markdown(refusal.remedy)}")
    draw_facts(
        [
            ("Path", row["path"]),
            ("Sender", next((each.title for each in list_learned() if each.name == sender), None)),
            ("Received (UTC)", format_utc(received)),
            ("From address", null_to_none(row["source_ip"])),
            ("Id", row["id"]),
        ]
    )
    body = bytes(row["body"])
    st.caption("Headers")
    draw_facts(list(parse_headers(null_to_none(row["headers"]))), "headers")
    st.caption(f"Body, {format_count(len(body), 'byte')}")
    with st.container(key="payload-raw"):
        text = make_visible(body.decode("utf-8", errors="backslashreplace"), keep="\n")
        draw_text(text or "(empty)", key="raw", alt="The body as received", height=TALLEST)
    draw_body_button(body, f"refused-{row['id']}.bin")
