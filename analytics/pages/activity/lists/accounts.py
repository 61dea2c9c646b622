"""The accounts of the page Activity, as a ranked list or as a tree: a click on a name filters all the rest by it."""

import pandas as pd
import streamlit as st

from analytics.pages.activity import filters
from analytics.pages.activity.filters import ActivityFilters
from analytics.pages.activity.lists import ranked
from analytics.pages.activity.time_range import When
from analytics.pages.shared import going
from analytics.pages.shared.accounts import Accounts, Branch, begins_at_top, label_account, load_accounts, roll_up
from analytics.pages.shared.components import Column, Line, draw_table
from analytics.pages.shared.store import find_sender_of_row, list_rows
from analytics.senders import find_account_word, find_accounts_word, list_titles
from analytics.text import as_markdown, capitalize, format_count

RANKED, TREE = "Ranked", "Tree"


def draw_accounts(rows: pd.DataFrame, chosen: ActivityFilters, when: When, *, by_change: bool) -> None:
    """Draw the accounts, as a list or as a tree."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="accounts-head"):
        st.markdown(f"**{as_markdown(capitalize(find_accounts_word(chosen.sender)))}**")
        form = st.segmented_control(
            "Accounts as",
            [RANKED, TREE],
            default=RANKED,
            key="accounts-as",
            bind="query-params",
            required=True,
            label_visibility="collapsed",
        )
    if form == TREE:
        _draw_tree(rows, chosen, when)
        return
    accounts = load_accounts()
    ranked.draw_ranked(
        capitalize(find_account_word(chosen.sender)),
        ranked.rank(rows, by_change),
        when,
        key="accounts-list",
        row_id=filters.add_sender,
        text=lambda row: label_account(row.name, accounts.name_of(row.name, find_sender_of_row(row))),
        choose=lambda identity: filters.toggle_account(*filters.split_sender(identity), alone="yes"),
        leave_out=lambda identity: filters.toggle_account(*filters.split_sender(identity), alone="yes", without=True),
        chosen=[filters.add_sender(row) for row in list_rows(rows) if filters.is_chosen(row, chosen)],
        go=lambda identity: going.to_account(*filters.split_sender(identity)),
        hover=filters.find_sender_title,
        total=ranked.count_names(rows, by_change=by_change),
    )


def _draw_tree(rows: pd.DataFrame, chosen: ActivityFilters, when: When) -> None:
    """Draw the accounts below each other, each with the counts of all below it; a click opens and closes."""
    accounts = load_accounts()
    own, paths = _count_own(rows, accounts), _map_paths(accounts)
    roots = [branch.alias for branch in roll_up(own, paths.items(), ())]
    # A lone account on top is open by itself: alone, it would say nothing.
    open_first = roots if len(roots) == 1 else []
    open_aliases = filters.open_branches(open_first)
    branches = roll_up(own, paths.items(), open_aliases)
    most = max((branch.events for branch in branches), default=1) or 1

    def take_click(key: str, column: str) -> None:
        alias, sender = accounts.split(key)
        if column == ranked.OPEN:
            going.to_account(*accounts.find_owner(key))
        elif column == "":
            filters.open_or_close(key, open_first)
        else:
            # Of a circle of parents the tree counts each account alone, and so does the filter.
            is_in_circle = not begins_at_top(paths.get(key, [key]), paths)
            alone = "yes" if is_in_circle else None
            filters.toggle_account(alias, sender, alone=alone, without=column == ranked.WITHOUT)

    one, several = find_account_word(chosen.sender), find_accounts_word(chosen.sender)
    columns = ranked.list_columns(f"{capitalize(one)}, with its sub-{several}", when)
    draw_table(
        (Column("", "1.9rem", opens=True), *columns),
        [_make_line(branch, accounts, when, is_open=branch.alias in open_aliases, most=most) for branch in branches],
        key="accounts-tree",
        alt="Accounts, each with the number of all below it",
        on_open=take_click,
        height=ranked.LIST_PIXELS,
        short=ranked.FEW,
        chosen=[accounts.find_key(chosen.account, chosen.sender)] if chosen.account else [],
    )


def _count_own(rows: pd.DataFrame, accounts: Accounts) -> dict[str, tuple[int, int]]:
    """Return the counts of each account without its sub-accounts: those of the range, and of the time before."""
    keys = [accounts.find_key(row.name, find_sender_of_row(row)) for row in list_rows(rows)]
    sums = rows.groupby(keys)[["events", "events_before"]].sum()
    return {str(row.Index): (int(row.events), int(row.events_before)) for row in list_rows(sums)}


def _map_paths(accounts: Accounts) -> dict[str, list[str]]:
    """Return the keys from the top down to each account, by its key."""
    return {
        accounts.find_key(each.alias, each.sender): [accounts.find_key(alias, each.sender) for alias in each.root_path]
        for each in accounts.all
    }


def _make_line(branch: Branch, accounts: Accounts, when: When, *, is_open: bool, most: int) -> Line:
    alias, sender = accounts.split(branch.alias)
    sign = "" if not branch.below else "▾" if is_open else "▸"
    label = label_account(alias, accounts.name_of(alias, sender), branch.depth)
    text = label + (f"  {list_titles()[sender]}" if sender else "")
    hovers = [
        f"{'Close' if is_open else 'Open'} {format_count(branch.below, 'sub-account')}" if branch.below else None,
        f"{text.strip()}: {branch.own:,} of its own",
        *ranked.list_hovers(branch.before, when, text.strip()),
    ]
    cells = [sign, text, *ranked.list_cells(branch.events, branch.before, when)]
    return Line(branch.alias, cells, hovers=hovers, shares=[None, branch.events / most])
