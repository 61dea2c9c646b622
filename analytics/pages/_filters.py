"""Filters that pages share. Their state is in the page's address."""

from collections.abc import Callable
from typing import Any, Literal

import streamlit as st

from analytics.pages import _address
from analytics.pages._accounts import OFFERED, account_label, accounts
from analytics.periods import DEFAULT_RANGE, RANGES
from analytics.text import short

CHOICE, LOOKED_FOR = "account_choice", "account_looked_for"
FEW_OF = f"The list has {OFFERED} of {{number:,}} accounts. Type a part of any alias or name, and press Enter."


def remember_account() -> None:
    """Put the chosen account into the page's address; offer what a text may mean that names none, or several."""
    typed = st.session_state[CHOICE]
    chosen = typed and accounts().named(typed)
    st.session_state[LOOKED_FOR] = None if chosen else typed
    _address.put(account=chosen, before=None, page=None, until=None)


def offered(asked: str | None) -> tuple[dict[str, str], str]:
    """Return the labels of the accounts to choose from, also of the one that is asked for, and what to say of them."""
    known = accounts()
    looked_for = st.session_state.get(LOOKED_FOR)
    found = known.offered(looked_for)
    labels = {alias: known.labels[alias] for alias in found or known.offered()}
    if asked and asked not in labels:
        labels[asked] = known.labels.get(asked) or account_label(asked, None)
    if not looked_for:
        return labels, "All accounts" if len(known.all) <= OFFERED else "All accounts; type to find one"
    said = f"“{short(looked_for, 16)}”"
    return labels, f"Choose one with {said}" if found else f"No account has {said}"


def account_filter(width: int | Literal["stretch"] = "stretch", *, alone: str | None = None) -> dict[str, str | None]:
    """Draw the choice of an account, with or without its sub-accounts; return the parameters of queries.

    Args:
        width: in pixels.
        alone: the name that an account without its sub-accounts has in the page's address, where it is not `below`.
    """
    asked = _address.get("account")
    labels, said = offered(asked)
    is_cut = len(accounts().all) > OFFERED
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
        help=FEW_OF.format(number=len(accounts().all)) if is_cut else None,
        width=width,
    )
    if alone:
        below = not is_alone(alone, disabled=chosen is None)
    else:
        below = st.checkbox(
            "and its sub-accounts", value=True, key="below", bind="query-params", disabled=chosen is None
        )
    return {"account": None if below else chosen, "account_tree": chosen if below else None}


def accounts_chosen(chosen: dict[str, Any]) -> set[str] | None:
    """Return the aliases of the accounts that are chosen; None for all."""
    if chosen["account"]:
        return {chosen["account"]}
    if root := chosen["account_tree"]:
        return set(accounts().tree_of(root))
    return None


def is_alone(name: str, *, disabled: bool) -> bool:
    """Draw the choice of sub-accounts where a click elsewhere makes it too, and say whether they are left out."""
    key = f"{name}-below"
    wanted = _address.get(name) != "yes"
    if st.session_state.get(key) != wanted:
        st.session_state[key] = wanted

    def remember() -> None:
        _address.put(**{name: None if st.session_state[key] else "yes"})

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
