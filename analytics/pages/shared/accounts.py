"""All accounts with their labels, at most some seconds old, read once for all viewers; and their tree with counts."""

import time
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cached_property
from typing import NamedTuple, TypeAlias

import streamlit as st

from analytics.errors import NotRunningError, QueryError
from analytics.pages.shared.answers import note_moment
from analytics.pages.shared.store import ask, list_rows, null_to_none
from analytics.senders import find_sender, read_edition
from analytics.text import shorten

KNOWN = "_accounts_known"
LOOK_AGAIN_SECONDS = 5.0
INDENT = "\u2002"
DEEPEST_INDENT = 5
"""Accounts below this depth are indented like those of it: a list has room for their names."""
NAME_CHARACTERS = 40
OFFERED = 300
"""The most accounts in a list: a browser takes 0.15 s longer to draw one of 4,000."""
MOST_BRANCHES = 300


SenderAlias: TypeAlias = tuple[str | None, str]
"""An account's sender and its alias; without a sender, the account of that alias of any sender."""


class KnownAccounts(NamedTuple):
    """The accounts, and the moment when they were current.

    After a failed question, `ask_again_at` is the time of the next one, on the monotonic clock; else it is 0.
    """

    accounts: "Accounts"
    at: datetime
    ask_again_at: float


class Account(NamedTuple):
    """An account with its business name and parent, if known, and its path from the top of the tree.

    `sender` is its sender, where the store has several.
    """

    alias: str
    business_name: str | None
    parent_alias: str | None
    root_path: tuple[str, ...]
    sender: str | None = None

    @property
    def key(self) -> SenderAlias:
        """Its sender and its alias."""
        return self.sender, self.alias


class Accounts:
    """All accounts in the order of their tree."""

    def __init__(self, all_of_them: Sequence[Account]) -> None:
        """Hold the accounts."""
        self.all = all_of_them

    @cached_property
    def _by_key(self) -> dict[SenderAlias, Account]:
        return {account.key: account for account in self.all}

    @cached_property
    def _by_alias(self) -> dict[str, Account]:
        return {account.alias: account for account in reversed(self.all)}

    def find(self, alias: str, sender: str | None) -> Account | None:
        """Return the account of an alias, the first of several where no sender is given; None where there is none."""
        if sender is None:
            return self._by_alias.get(alias)
        return self._by_key.get((sender, alias)) or self._by_key.get((None, alias))

    def name_of(self, alias: str, sender: str | None) -> str | None:
        """Return the business name of such an account, if it is known."""
        account = self.find(alias, sender)
        return account.business_name if account else None

    def have_names(self, sender: str | None) -> bool:
        """Say whether any account of a sender, or of any without one, has a business name."""
        return any(each.business_name and sender in {None, each.sender} for each in self.all)

    @cached_property
    def shared(self) -> set[str]:
        """The aliases that accounts of several senders have."""
        uses = Counter(account.alias for account in self.all)
        return {alias for alias, count in uses.items() if count > 1}

    def find_key(self, alias: str, sender: str | None) -> str:
        """Return what names one account: its alias, after its sender where other senders have the alias too."""
        return f"{sender}/{alias}" if sender and alias in self.shared else alias

    def spell(self, alias: str) -> str:
        """Return an alias as the store has it; an address may have it in another letter case."""
        alike = (each for each in self._by_alias if each.casefold() == alias.casefold())
        return alias if alias in self._by_alias else next(alike, alias)

    def split(self, key: str) -> tuple[str, str | None]:
        """Return the alias of such a name, and its sender where it says one."""
        sender, _, alias = key.partition("/")
        return (alias, sender) if alias in self.shared else (key, None)

    def find_owner(self, key: str) -> tuple[str, str | None]:
        """Return the alias of such a name, and its account's sender; None where the store has one sender."""
        alias, sender = self.split(key)
        return alias, sender or self.find_sender(alias)

    @cached_property
    def labels(self) -> dict[str, str]:
        """The distinct label of each account, by what names it."""
        labels: dict[str, str] = {}
        taken: set[str] = set()
        for account in self.all:
            label = label_account(account.alias, account.business_name, len(account.root_path) - 1)
            if account.alias in self.shared:
                label = f"{label}  {find_sender(account.sender).title}"
            number = 2
            unique = label
            while unique in taken:
                unique, number = f"{label} ({number})", number + 1
            taken.add(unique)
            labels[self.find_key(account.alias, account.sender)] = unique
        return labels

    def offer(self, text: str | None = None, senders: Collection[str] | None = None) -> list[str]:
        """Return the accounts with a text in alias or name, in the tree's order; of too many, those near the top.

        Args:
            text: the text; None for any.
            senders: whose accounts, where the store has several senders; None for any.
        """
        of_them = [each for each in self.all if senders is None or each.sender is None or each.sender in senders]
        matches = [account for account in of_them if not text or is_in(text, account)]
        if len(matches) > OFFERED:
            upper = {account.alias for account in sorted(matches, key=lambda account: len(account.root_path))[:OFFERED]}
            matches = [account for account in matches if account.alias in upper]
        return [self.find_key(account.alias, account.sender) for account in matches]

    def find_named(self, text: str) -> str | None:
        """Return what names the account with this alias, or the only one with the text in alias or name; else None."""
        if (alias := self.spell(text)) in self.labels:
            return alias
        matches = [self.find_key(account.alias, account.sender) for account in self.all if is_in(text, account)]
        return matches[0] if len(matches) == 1 else None

    def find_sender(self, alias: str) -> str | None:
        """Return the sender of an account, the first of several; None where the store has one sender."""
        account = self.find(alias, None)
        return account.sender if account else None

    def list_tree(self, alias: str, sender: str | None = None) -> set[SenderAlias]:
        """Return an account and all below it, of a sender or of any."""
        of_it = (account for account in self.all if sender in {None, account.sender})
        return {account.key for account in of_it if alias in account.root_path} or {(sender, alias)}

    def are_shared_with_others(self, keys: Collection[SenderAlias]) -> bool:
        """Say whether another account has the alias of one of these."""
        aliases, all_of_them = {alias for _, alias in keys}, set(keys)
        return any(account.alias in aliases and account.key not in all_of_them for account in self.all)

    def find_parent(self, alias: str, sender: str | None) -> str | None:
        """Return the parent of such an account, if it is known."""
        account = self.find(alias, sender)
        return account.parent_alias if account else None


def is_in(text: str, account: Account) -> bool:
    """Say whether an account's alias or name contains a text, in any letter case."""
    return text.casefold() in f"{account.alias}  {account.business_name or ''}".casefold()


def label_account(alias: str, business_name: str | None, depth: int = 0) -> str:
    """Return the label of an account: its alias and business name, indented by its depth in the tree, but not far."""
    name = f"  {shorten(business_name, NAME_CHARACTERS)}" if business_name else ""
    return f"{INDENT * min(depth, DEEPEST_INDENT)}{shorten(alias, 24)}{name}"


def load_accounts() -> Accounts:
    """Return all accounts; while the store can't be asked they may be old, and then the drawing is as old."""
    if KNOWN not in st.session_state or time.monotonic() >= st.session_state[KNOWN].ask_again_at:
        try:
            # The accounts are kept beside the cache: what is known of senders may change while the store is away.
            accounts = load_version((*read_version(), str(read_edition())))
            st.session_state[KNOWN] = KnownAccounts(accounts, datetime.now(UTC), 0.0)
        except (NotRunningError, QueryError):
            if KNOWN not in st.session_state:
                raise
            # One drawing asks several times, and a failing query may take until its time-out.
            ask_again_at = time.monotonic() + LOOK_AGAIN_SECONDS
            st.session_state[KNOWN] = st.session_state[KNOWN]._replace(ask_again_at=ask_again_at)
    last: KnownAccounts = st.session_state[KNOWN]
    if last.ask_again_at:
        note_moment(last.at)
    return last.accounts


@st.cache_data(ttl=LOOK_AGAIN_SECONDS, show_spinner=False)
def read_version() -> tuple[str, ...]:
    """Return the current version of the accounts."""
    return tuple(map(str, ask("accounts_version").iloc[0]))


@st.cache_resource(max_entries=2, show_spinner=False)
def load_version(version: tuple[str, ...]) -> Accounts:  # noqa: ARG001 - it is the cache's key
    """Return all accounts of a version, cached because the tree is slow to read and seldom changes."""
    return Accounts(
        [
            Account(
                row.alias,
                null_to_none(row.business_name),
                null_to_none(row.parent_alias),
                tuple(row.root_path),
                getattr(row, "sender", None),
            )
            for row in list_rows(ask("accounts"))
        ]
    )


class Branch(NamedTuple):
    """An account in the tree: its counts with all below it, its own count, its depth, and the number of those below."""

    alias: str
    depth: int
    events: int
    before: int
    own: int
    below: int


def begins_at_top(path: Sequence[str], paths: Mapping[str, Sequence[str]]) -> bool:
    """Say whether the first account of a path has no parent: in a circle of parents each has one."""
    return paths.get(path[0], path)[0] == path[0]


def roll_up(
    own: Mapping[str, tuple[int, int]], paths: Iterable[tuple[str, Sequence[str]]], open_aliases: Collection[str]
) -> list[Branch]:
    """Return the visible accounts of the tree, the largest first on each level, at most `MOST_BRANCHES`.

    Args:
        own: each account's own counts, of the time and of the time to compare with.
        paths: each account with its path from the top of the tree, itself at the end.
        open_aliases: the accounts whose sub-accounts are visible.

    An account whose parents form a circle stands on top, because no way from the top leads to it.
    """
    events: dict[str, int] = defaultdict(int)
    before: dict[str, int] = defaultdict(int)
    below: dict[str, int] = defaultdict(int)
    children: dict[str | None, list[str]] = defaultdict(list)
    known: dict[str, Sequence[str]] = {alias: (alias,) for alias in own} | dict(paths)
    placed = {alias: path if begins_at_top(path, known) else (alias,) for alias, path in known.items()}
    for alias, path in placed.items():
        count, count_before = own.get(alias, (0, 0))
        if not (count or count_before):
            continue
        for ancestor in path:
            events[ancestor] += count
            before[ancestor] += count_before
            below[ancestor] += ancestor != alias
    for alias in events:
        path = placed.get(alias, (alias,))
        children[path[-2] if len(path) > 1 else None].append(alias)

    def walk(parent: str | None, depth: int) -> Iterable[Branch]:
        for alias in sorted(children[parent], key=lambda alias: (-events[alias], -before[alias], alias)):
            count, _ = own.get(alias, (0, 0))
            yield Branch(alias, depth, events[alias], before[alias], count, below[alias])
            if alias in open_aliases:
                yield from walk(alias, depth + 1)

    return [branch for branch, _ in zip(walk(None, 0), range(MOST_BRANCHES), strict=False)]
