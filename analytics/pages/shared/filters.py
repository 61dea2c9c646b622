"""Filters that pages share. Their state is in the page's address.

A filter by exact names lets only these through, as `who=ann` does, or leaves them out, as `who=-ann`. A value has
several names where its filter may have, and always where it leaves them out.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any, NamedTuple

import streamlit as st

from analytics.pages.shared import address, going
from analytics.pages.shared.accounts import OFFERED, SenderAlias, label_account, load_accounts
from analytics.pages.shared.answers import skip_unanswered
from analytics.pages.shared.components import register_script
from analytics.pages.shared.formatting import format_type
from analytics.pages.shared.leafing import to_first_pages
from analytics.senders import (
    find_account_word,
    find_accounts_word,
    has_several_senders,
    list_alert_senders,
    list_categories,
    list_event_types,
    list_heard,
    list_titles,
)
from analytics.text import as_markdown, capitalize, read_quoted, shorten

CHIP_CHARACTERS = 36
ACCOUNT_PIXELS = 190
FILTERS_HTML = '<button type="button" aria-expanded="false"><span></span></button>'
CHOICE, SEARCH = "account_choice", "account_looked_for"
CHOSEN_LABEL = "_account_label"
"""The place of the chosen account's label, as it was drawn last, in the session's state."""
SENDER_CHOICE = "sender_choice"
SENDER_PIXELS = 150
NAME_HINT = "In quotes, it is all of the name."
FEW_OF = f"Of {{}} the list has {OFFERED} at most. Type a part of any alias or name, and press Enter."
TYPES, ACCOUNT, SENDER, ALONE, ACTOR, ENTITY, CENTRE = "types", "account", "sender", "alone", "who", "what", "centre"
EXACT = (TYPES, SENDER, ACCOUNT, ACTOR, ENTITY, CENTRE)
WITHOUT, LINE = "-", "\n"
BETWEEN = {TYPES: ","}
"""What stands between the names of a filter's value, where that is no line break."""


class AccountSearch(NamedTuple):
    """A text to search accounts for, and the account that was chosen at that time."""

    text: str
    beside: str | None


def read_names(filtered: str, *, without: bool = False) -> tuple[str, ...]:
    """Return the names that a filter lets through, or those that it leaves out."""
    text = address.get(filtered) or ""
    if text.startswith(WITHOUT) != without:
        return ()
    return tuple(filter(None, text.removeprefix(WITHOUT).split(BETWEEN.get(filtered, LINE))))


def read_one(filtered: str) -> str | None:
    """Return the only name that a filter lets through; None where it lets all through, or leaves some out."""
    return next(iter(read_names(filtered)), None)


def toggle(filtered: str, value: str, more: Mapping[str, str | None] = {}, *, without: bool = False) -> None:
    """Let only a name through, or leave it out; no more where that was chosen already.

    Args:
        filtered: the name of the filter.
        value: the name.
        more: other values of the address that belong to this choice.
        without: whether to leave it out.
    """
    names, separator = read_names(filtered, without=without), BETWEEN.get(filtered, LINE)
    more = {ALONE: address.get(ALONE), **more} if filtered == ACCOUNT else more
    again = value in names and all(address.get(name) == other for name, other in more.items())
    others = [each for each in names if each != value] if without or filtered == TYPES else []
    text = separator.join(others if again else [*others, value])
    if text:
        # A name that begins with the sign itself stands after a separator.
        text = WITHOUT + text if without else separator + text if text.startswith(WITHOUT) else text
    address.put(**to_first_pages(), **{filtered: text or None}, **(dict.fromkeys(more) if again else more))


def make_without_parameters() -> dict[str, Any]:
    """Return the parameters of queries for what filters leave out."""
    left_out = {name: read_names(name, without=True) for name in EXACT}
    trees = [load_accounts().list_tree(alias) for alias in left_out[ACCOUNT] if address.get(ALONE) != "yes"]
    are_several, entities = has_several_senders(), map(parse_entity, left_out[ENTITY])
    values = {
        "without_types": left_out[TYPES],
        "without_senders": left_out[SENDER],
        "without_accounts": {*left_out[ACCOUNT], *(alias for tree in trees for _, alias in tree)},
        "without_actors": {going.find_user(name, sender) for name in left_out[ACTOR] for sender in list_titles()},
        "without_entities": [name_entity(*entity, sender if are_several else None) for sender, entity in entities],
        "without_centres": left_out[CENTRE],
    }
    return {name: sorted(names) for name, names in values.items() if names}


def name_entity(kind: str, name: str, sender: str | None) -> str:
    """Return an entity's id in the address: its kind and its name, after its sender where the store has several."""
    return f"{sender}:{kind}/{name}" if sender else f"{kind}/{name}"


def parse_entity(identity: str) -> tuple[str | None, tuple[str, str]]:
    """Return the sender, the kind and the name of an entity's id; the first sender, where it names none."""
    where, _, name = identity.partition("/")
    sender, colon, kind = where.rpartition(":")
    return (sender if colon else list_heard()[0].name), (kind, name)


@skip_unanswered
def remember_account() -> None:
    """Put the chosen account into the page's address; note a text that names none, or several."""
    typed = (st.session_state[CHOICE] or "").strip() or None
    chosen = typed and load_accounts().find_named(typed)
    if typed and not chosen:
        look_for(typed)
        return
    st.session_state[SEARCH] = None
    alias, sender = load_accounts().split(chosen) if chosen else (None, None)
    address.put(account=alias, **to_first_pages(), **({"sender": sender} if sender else {}))


def look_for(text: str) -> None:
    """Offer the accounts with a text; a chosen account stays, and a message shows the result."""
    alias = read_one(ACCOUNT)
    st.session_state[SEARCH] = AccountSearch(text, alias)
    if alias:
        going.say(as_markdown(describe_search(text)))


def describe_search(text: str) -> str:
    """Return the result of a search in words, for a text that does not name a single account."""
    quoted = f"“{shorten(text, 16)}”"
    return (
        f"Choose one with {quoted}"
        if load_accounts().offer(text)
        else f"No {find_account_word(read_sender())} has {quoted}"
    )


def read_account() -> str | None:
    """Return what names the account in the page's address: its alias, and its sender if that is needed."""
    alias = read_one(ACCOUNT)
    return load_accounts().find_key(load_accounts().spell(alias), read_sender()) if alias else None


def list_choices(chosen: str | None, senders: Collection[str] | None = None) -> tuple[dict[str, str], str]:
    """Return the labels of the accounts of some senders to choose from, including the chosen one, and a hint."""
    accounts = load_accounts()
    search: AccountSearch | None = st.session_state.get(SEARCH)
    if search and search.beside != chosen:
        search = st.session_state[SEARCH] = None
    matches = accounts.offer(search.text, senders) if search else []
    labels = {key: accounts.labels[key] for key in matches or accounts.offer(None, senders)}
    if chosen and chosen not in labels:
        of_all = f"{label_account(chosen, None)}  of all senders" if chosen in accounts.shared else None
        labels[chosen] = accounts.labels.get(chosen) or of_all or label_account(chosen, None)
    if chosen:
        # Alone in the field it is no part of a tree: the indentation would be an empty space.
        labels[chosen] = " ".join(labels[chosen].split())
    if search:
        return labels, describe_search(search.text)
    every = f"All {find_accounts_word(read_sender())}"
    return labels, every if len(accounts.all) <= OFFERED else f"{every}; type to find one"


def choose_account(*, alone: str | None = None, senders: Collection[str] | None = None) -> dict[str, str | None]:
    """Draw the choice of an account, with or without its sub-accounts; return the parameters of queries.

    Args:
        alone: the name in the page's address for "without sub-accounts", where it is not `below`.
        senders: the senders whose accounts are offered; None for all.
    """
    key = read_account()
    labels, hint = list_choices(key, senders)
    is_cut = len(load_accounts().all) > OFFERED
    # The browser knows a choice by its label, which is another one while it is chosen.
    label = labels[key] if key else None
    address.show(CHOICE, key, again=st.session_state.get(CHOSEN_LABEL) != label)
    st.session_state[CHOSEN_LABEL] = label
    chosen = st.selectbox(
        title_accounts(),
        list(labels),
        index=None,
        format_func=lambda key: labels.get(key, key),
        key=CHOICE,
        on_change=remember_account,
        placeholder=hint,
        filter_mode="contains",
        accept_new_options=is_cut,
        label_visibility="collapsed",
        width=ACCOUNT_PIXELS,
    )
    # Fixed places: where an element comes or goes, the browser makes all after it anew and then ends the old ones, and
    # with these the bonds of the same filters to the address.
    with st.container(key="accounts-cut", width="content"):
        if is_cut:
            every = f"{len(load_accounts().all):,} {find_accounts_word(read_sender())}"
            st.caption(":material/info:", help=FEW_OF.format(every), width="content")
    with st.container(key="sub-accounts", width="content"):
        if chosen is None:
            return {"account": None, "account_tree": None}
        alias = load_accounts().split(chosen)[0]
        if alone:
            below = not choose_alone(alone)
        else:
            below = st.checkbox("and its sub-accounts", value=True, key="below", bind="query-params")
    return {"account": None if below else alias, "account_tree": alias if below else None}


def choose_sender() -> dict[str, str | None]:
    """Draw the choice of a sender where the store has several; return the parameter of queries."""
    chosen = read_sender()
    if not has_several_senders():
        return {"sender": chosen}
    address.show(SENDER_CHOICE, chosen if chosen in list_titles() else None)
    st.selectbox(
        "Sender",
        list(list_titles()),
        index=None,
        format_func=lambda name: list_titles().get(name, name),
        key=SENDER_CHOICE,
        on_change=lambda: put_sender(st.session_state[SENDER_CHOICE]),
        placeholder="All senders",
        filter_mode="contains",
        label_visibility="collapsed",
        width=SENDER_PIXELS,
    )
    return {"sender": chosen}


def read_sender() -> str | None:
    """Return the sender in the page's address; None without one, and where the store has only that."""
    name = read_one(SENDER)
    return name if has_several_senders() or name not in list_titles() else None


def title_accounts(sender: str | None = None) -> str:
    """Return the title of a column of accounts, by a sender's word; by default the chosen or only sender's."""
    return capitalize(find_account_word(sender or read_sender()))


def put_sender(name: str | None) -> None:
    """Put a sender into the page's address, and go to the begin of each list."""
    address.put(sender=name, **to_first_pages())


def list_sender_chips() -> Iterator["Chip"]:
    """Yield the chip of the chosen sender, if there is one."""
    if sender := read_sender():
        title = list_titles().get(sender)
        yield make_chip(SENDER, sender, "Sender" if title else "", title or f"unknown sender {sender}")


def list_without_chips() -> Iterator["Chip"]:
    """Yield a chip for each name that a filter leaves out."""
    for filtered in EXACT:
        for number, name in enumerate(read_names(filtered, without=True)):
            titles = {TYPES: format_type(name), SENDER: list_titles().get(name, name), ENTITY: parse_entity(name)[1][1]}
            drop, swap = partial(toggle, filtered, name, without=True), partial(toggle, filtered, name)
            yield Chip(f"{WITHOUT}{number}-{filtered}-{name}", "", f"without {titles.get(filtered, name)}", drop, swap)


def make_chip(filtered: str, name: str, label: str, value: str, *, key: str = "") -> "Chip":
    """Return the chip of a name that a filter lets through; of one that nothing has, `label` is empty."""
    swap = partial(toggle, filtered, name, without=True) if label else None
    return Chip(key or filtered, label, value, partial(toggle, filtered, name), swap)


def name_event(name: str, label: str) -> tuple[str, str]:
    """Return the label and the value of an event type's chip; an event that nobody sends has no label."""
    is_known = name in list_event_types() or name in list_categories()
    return (label, format_type(name)) if is_known else ("", f"unknown event {name}")


def list_chosen(chosen: dict[str, Any]) -> set[SenderAlias] | None:
    """Return the chosen accounts; None for all."""
    if chosen["account"]:
        return {(chosen.get("sender"), chosen["account"])}
    if root := chosen["account_tree"]:
        return load_accounts().list_tree(root, chosen.get("sender"))
    return None


def split_names(chosen: Mapping[str, Any]) -> dict[str, str | None]:
    """Return the parameters of queries for the filters by a part of a name, and those for all of it: `entity_is`."""
    wholes = {name: read_quoted(chosen[name]) for name in ("entity", "actor")}
    parts = {name: None if whole else chosen[name] for name, whole in wholes.items()}
    return parts | {f"{name}_is": whole for name, whole in wholes.items()}


def list_alerting(accounts: set[SenderAlias] | None) -> set[str] | None:
    """Return the aliases of those accounts whose senders send alerts; None for all."""
    if accounts is None:
        return None
    return {alias for sender, alias in accounts if sender is None or sender in list_alert_senders()}


def choose_alone(name: str) -> bool:
    """Draw the choice of sub-accounts, which clicks elsewhere change too; say whether it leaves them out."""
    key = f"{name}-below"
    address.show(key, address.get(name) != "yes")

    def remember() -> None:
        address.put(**{name: None if st.session_state[key] else "yes"})

    with st.container(key="below"):
        return not st.checkbox("and its sub-accounts", key=key, on_change=remember)


def draw_filters_button(count: int, *, behind: int = 0) -> None:
    """Draw the button that opens the filters; without filters, only a phone shows it, for the controls of the bar.

    Args:
        count: the number of filters that are set.
        behind: the number of chosen accounts and senders, which are filters behind the button on a phone.
    """
    register_script("filters", FILTERS_HTML)(key="filters-button", data={"count": count, "accounts": behind})


@contextmanager
def draw_filters(unset: Mapping[str, Any], clear: Callable[[], None]) -> Iterator[None]:
    """Draw the button that opens the filters drawn in this block; it says how many of them are set.

    Args:
        unset: the value of each filter, by its name in the address, when it is not set.
        clear: removes all filters.
    """
    # When a page is opened its address comes before the values, which may be of an earlier visit; after a click the
    # values come before the address.
    by_address = address.is_arriving()
    count = sum(
        st.session_state[name] != value
        if name in st.session_state and not by_address
        else st.query_params.get(name, str(value)).lower() != str(value).lower()
        for name, value in unset.items()
    )
    count += sum(len(read_names(name, without=True)) for name in EXACT) + len(read_names(CENTRE))
    draw_filters_button(count, behind=sum(1 for chosen in (read_one(ACCOUNT), read_sender()) if chosen))
    with st.container(key="filters", gap="small"):
        yield
        st.button("Clear filters", key="clear", on_click=clear)


class Chip(NamedTuple):
    """A filter that is set: the key of its button, its label if its value needs one, and a function that removes it.

    `swap` leaves out what it lets through, or the other way round.
    """

    key: str
    label: str
    value: str
    remove: Callable[[], None]
    swap: Callable[[], None] | None = None


def list_chips(
    values: Mapping[str, tuple[str, str]], unset: Mapping[str, Any], on_change: Callable[[], None] | None = None
) -> Iterator[Chip]:
    """Yield a chip for each field that is set.

    Args:
        values: the label and the value in words of each field, by its name in the address; an empty value is not set.
        unset: the value of each field when it is not set.
        on_change: is called after a click.
    """

    def remove(name: str) -> None:
        st.session_state[name] = unset[name]
        if on_change:
            on_change()

    for name, (label, value) in values.items():
        if value:
            yield Chip(name, label, value, partial(remove, name))


def draw_chips(chips: Iterable[Chip], clear: Callable[[], None] | None = None) -> None:
    """Draw a button for each filter that is set, which removes it; with `clear`, one for all, and those that swap."""
    with st.container(key="chips", horizontal=True, vertical_alignment="center", gap="small"):
        key = None
        for key, label, value, remove, swap in chips:
            text = shorten(value, CHIP_CHARACTERS)
            text = as_markdown(f"{label}: {text}" if label else text)
            st.button(text, key=f"chip-{key}", icon=":material/close:", on_click=remove)
            if swap and clear:
                way = "only" if key.startswith(WITHOUT) else "without"
                st.button(f"{way} instead", key=f"swap-{key}", type="tertiary", on_click=swap)
        if key and clear:
            st.button("Clear all filters", key="clear-all", type="tertiary", on_click=clear)
