"""The search of the page Entity, and the list of the entities that it finds."""

from collections import Counter
from typing import Any

import streamlit as st

from analytics.pages.shared import address, going
from analytics.pages.shared.accounts import label_account, load_accounts
from analytics.pages.shared.completeness import draw_store_empty, is_store_empty
from analytics.pages.shared.components import Age, Column, Line, draw_table
from analytics.pages.shared.detail import draw_account_button
from analytics.pages.shared.filters import (
    choose_sender,
    draw_chips,
    draw_filters_button,
    list_sender_chips,
    read_sender,
    title_accounts,
)
from analytics.pages.shared.search import MOST_FOUND, Matches, find_matches
from analytics.pages.shared.store import find_sender_of_row, null_to_none, to_moment
from analytics.senders import (
    as_words,
    describe_any_entity,
    find_kind,
    has_several_senders,
    is_account,
    list_kinds,
    list_titles,
)
from analytics.text import add_article, as_markdown, format_count, shorten

KIND_CHOICE = "kind_choice"
LIST_PIXELS = 640
MOST_ACCOUNTS = 12
"""The most accounts that a search has buttons for; it counts the others."""
MOST_BUTTONS = 6
"""The most kinds of entities that the bar has a button for."""


def search_controls() -> None:
    """Draw the fields of the search, which finds what the search in the bar finds."""
    shown: dict[str, Any] = {"label_visibility": "collapsed"}
    hint = "part of a name" if has_several_senders() else f"part of {add_article(describe_any_entity())} name"
    st.text_input("Name contains", key="named", placeholder=hint, width=300, bind="query-params", **shown)
    choose_sender()
    kind = choose_kind(shown)
    draw_filters_button(1 if kind else 0, behind=1 if read_sender() else 0)
    if has_several_senders():
        draw_chips(list_sender_chips())


def choose_kind(shown: dict[str, Any]) -> str | None:
    """Draw the choice of a kind of entities: as buttons, or as a list where they are many."""
    words = name_kinds()
    chosen = read_kind()
    address.show(KIND_CHOICE, chosen)
    shown |= {"key": KIND_CHOICE, "on_change": remember_kind}
    if len(words) <= MOST_BUTTONS:
        buttons = {name: as_markdown(word) for name, word in words.items()}
        st.segmented_control("Category", list(words), width="content", format_func=buttons.__getitem__, **shown)
    else:
        st.selectbox("Category", list(words), None, placeholder="All categories", width=190, filter_mode="contains",
                     format_func=words.__getitem__, **shown)  # fmt: skip
    return chosen


def list_columns() -> tuple[Column, ...]:
    """Return the columns of the found entities."""
    return (
        *([Column("Sender", "10.2rem")] if has_several_senders() else []),
        Column("Category", "8rem"),
        Column("Name", "60%", opens=True),
        Column(title_accounts(), "40%", opens=True),
        Column("Notifications", "8rem", align="right"),
        Column("Last", "12rem", time=True),
        Column("", "7rem"),
    )


def name_kinds() -> dict[str, str]:
    """Return what each kind of entities is called; of several of the same word, as its sender calls it."""
    words = {name: as_words(name) for name in list_kinds()}
    times = Counter(words.values())
    return {name: word if times[word] == 1 else name for name, word in words.items()}


def read_kind() -> str | None:
    """Return the kind of entities in the page's address."""
    kind = find_kind(address.get("among") or "", read_sender())
    return kind if kind in list_kinds() else None


def remember_kind() -> None:
    """Put the chosen kind into the page's address."""
    address.put(among=st.session_state[KIND_CHOICE])


def draw_search() -> None:
    """Draw the entities of the search."""
    named = (st.session_state.get("named") or "").strip()
    matches = find_matches(named, read_kind(), read_sender())
    draw_other_matches(matches)
    if not matches.entities:
        if matches.numbers or matches.accounts:
            return
        if is_store_empty():
            draw_store_empty()
            return
        with st.container(key="nothing", border=True):
            st.subheader("No entity", anchor=False)
            st.caption(describe_none(named))
        return
    rows = {f"{find_sender_of_row(row)} {row.category} {row.entity_id}": row for row in matches.entities}

    def open_row(identity: str, column: str) -> None:
        row = rows.get(identity)
        if row is None:
            return
        if column == title_accounts() and null_to_none(row.account_alias):
            going.to_account(row.account_alias, find_sender_of_row(row))
        else:
            going.to_entity(row.category, row.entity_id, sender=find_sender_of_row(row))

    draw_table(
        list_columns(),
        [as_line(identity, row) for identity, row in rows.items()],
        key="found",
        alt="Entities, most recently active first",
        on_open=open_row,
        height=LIST_PIXELS,
    )
    if len(rows) == MOST_FOUND:
        st.caption(f"The {MOST_FOUND} most recently active are listed.")


def describe_none(named: str) -> str:
    """Return why no entity is listed, as Markdown: none has the name, or none is of the chosen kind and sender."""
    kind = read_kind()
    of_sender = f" of {list_titles()[by]}" if (by := read_sender()) else ""
    what = as_markdown((name_kinds()[kind] if kind else describe_any_entity()) + of_sender)
    return f"No {what} has a name like this." if named else f"No {what} is known yet."


def draw_other_matches(matches: Matches) -> None:
    """Draw the ways to notifications with this number or id, to those of events, and to accounts with this name."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="found-besides"):
        for place, seq in enumerate(matches.numbers):
            key = f"found-notification-{place}" if place else "found-notification"
            st.button(f"Notification {seq:,}", key=key, on_click=going.to_notification, args=(seq,),
                      icon=":material/mail:")  # fmt: skip
        if matches.events:
            st.button(f"Notifications of {format_count(len(matches.events), 'event')}", key="found-events",
                      on_click=lambda: going.to_page("notifications", events=matches.events),
                      icon=":material/mail:")  # fmt: skip
        accounts = load_accounts()
        for place, key in enumerate(matches.accounts[:MOST_ACCOUNTS]):
            label, (alias, sender) = accounts.labels.get(key, key), accounts.find_owner(key)
            draw_account_button(label.strip(), f"found-account-{place}", sender, opens=alias)
        if (more := len(matches.accounts) - MOST_ACCOUNTS) > 0:
            st.caption(f"and {format_count(more, 'more account')}: type more of the name.", width="content")


def as_line(identity: str, row: Any) -> Line:
    """Return an entity as a row."""
    last = to_moment(row.last_at)
    sender = find_sender_of_row(row)
    accounts = load_accounts()
    alias = null_to_none(row.account_alias)
    # The row of an account has its business name beside its alias; its column of accounts would repeat both.
    of_account = is_account(row.category, sender) and alias in {None, row.entity_id}
    cells = [
        *([list_titles().get(sender, sender)] if sender else []),
        as_words(row.category, sender),
        label_account(row.entity_id, accounts.name_of(row.entity_id, sender))
        if of_account
        else shorten(row.entity_id, 120),
        label_account(alias, accounts.name_of(alias, sender)) if alias and not of_account else "",
        f"{row.notifications:,}",
        last,
        Age(last) if last else "never",
    ]
    return Line(identity, cells)
