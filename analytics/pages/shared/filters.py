"""Filters that pages share. Their state is in the page's address."""

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import streamlit as st

from analytics.pages.shared import address
from analytics.pages.shared.accounts import OFFERED, account_label, load_accounts
from analytics.pages.shared.answers import skip_unanswered
from analytics.text import as_markdown, shorten
from analytics.times.periods import DEFAULT_RANGE, RANGES

CHOICE, SEARCH = "account_choice", "account_looked_for"
FEW_OF = f"Of {{number:,}} accounts the list has {OFFERED} at most. Type a part of any alias or name, and press Enter."


class AccountSearch(NamedTuple):
    """A text that was looked for in accounts' aliases and names, and the account that was chosen then."""

    text: str
    beside: str | None


@skip_unanswered
def remember_account() -> None:
    """Put the chosen account into the page's address; of a text that names none, or several, take note."""
    typed = (st.session_state[CHOICE] or "").strip() or None
    chosen = typed and load_accounts().find_named(typed)
    if typed and not chosen:
        look_for(typed)
        return
    st.session_state[SEARCH] = None
    address.put(account=chosen, before=None, page=None, until=None)


def look_for(text: str) -> None:
    """Offer the accounts that have a text; where one is chosen, that stays, and what was found is said beside it."""
    asked = address.get("account")
    st.session_state[SEARCH] = AccountSearch(text, asked)
    if asked:
        st.toast(as_markdown(describe_search(text)))


def describe_search(text: str) -> str:
    """Say what came of looking for an account by a text that names not just one."""
    said = f"“{shorten(text, 16)}”"
    return f"Choose one with {said}" if load_accounts().offer(text) else f"No account has {said}"


def list_choices(asked: str | None) -> tuple[dict[str, str], str]:
    """Return the labels of the accounts to choose from, also of the one that is asked for, and what to say of them."""
    known = load_accounts()
    looked_for: AccountSearch | None = st.session_state.get(SEARCH)
    if looked_for and looked_for.beside != asked:
        looked_for = st.session_state[SEARCH] = None
    found = known.offer(looked_for.text) if looked_for else []
    labels = {alias: known.labels[alias] for alias in found or known.offer()}
    if asked and asked not in labels:
        labels[asked] = known.labels.get(asked) or account_label(asked, None)
    if looked_for:
        return labels, describe_search(looked_for.text)
    return labels, "All accounts" if len(known.all) <= OFFERED else "All accounts; type to find one"


def account_filter(width: int | Literal["stretch"] = "stretch", *, alone: str | None = None) -> dict[str, str | None]:
    """Draw the choice of an account, with or without its sub-accounts; return the parameters of queries.

    Args:
        width: in pixels.
        alone: the name that an account without its sub-accounts has in the page's address, where it is not `below`.
    """
    asked = address.get("account")
    labels, said = list_choices(asked)
    is_cut = len(load_accounts().all) > OFFERED
    # A value set from here is sent to the browser, and overtakes a choice made meanwhile: only where it must be.
    if st.session_state.get(CHOICE) != asked:
        st.session_state[CHOICE] = asked
    chosen = st.selectbox(
        "Account",
        list(labels),
        index=None,
        format_func=lambda alias: labels.get(alias, alias),
        key=CHOICE,
        on_change=remember_account,
        placeholder=said,
        filter_mode="contains",
        accept_new_options=is_cut,
        help=FEW_OF.format(number=len(load_accounts().all)) if is_cut else None,
        width=width,
    )
    if alone:
        below = not choose_alone(alone, disabled=chosen is None)
    else:
        below = st.checkbox(
            "and its sub-accounts", value=True, key="below", bind="query-params", disabled=chosen is None
        )
    return {"account": None if below else chosen, "account_tree": chosen if below else None}


def list_chosen(chosen: dict[str, Any]) -> set[str] | None:
    """Return the aliases of the accounts that are chosen; None for all."""
    if chosen["account"]:
        return {chosen["account"]}
    if root := chosen["account_tree"]:
        return set(load_accounts().tree_of(root))
    return None


def choose_alone(name: str, *, disabled: bool) -> bool:
    """Draw the choice of sub-accounts where a click elsewhere makes it too, and say whether they are left out."""
    key = f"{name}-below"
    wanted = address.get(name) != "yes"
    if st.session_state.get(key) != wanted:
        st.session_state[key] = wanted

    def remember() -> None:
        address.put(**{name: None if st.session_state[key] else "yes"})

    with st.container(key="below"):
        return not st.checkbox("and its sub-accounts", key=key, on_change=remember, disabled=disabled)


def range_filter(default: str = DEFAULT_RANGE, on_change: Callable[[], None] | None = None) -> str:
    """Draw the choice of a time range and return its name."""
    chosen = st.segmented_control(
        "Time range",
        list(RANGES),
        default=default,
        key="range",
        bind="query-params",
        required=True,
        on_change=on_change,
    )
    return chosen or default
