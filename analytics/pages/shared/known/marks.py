"""Marks of findings as seen, as a cookie of the browser holds them: each is of one list that a viewer marked.

A mark has the range and the filters of its list, so that it covers nothing that these hid. It also has the time when
the last finding became known, because one that became known later is new, whatever time it tells.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import reduce
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlencode
from uuid import UUID

import streamlit as st

from analytics.findings.finding import Finding
from analytics.pages.shared.accounts import SenderAlias
from analytics.pages.shared.filters import list_chosen
from analytics.pages.shared.silence import is_known, read_session_id
from analytics.senders import has_upper_case
from analytics.text import read_quoted
from analytics.times import to_microseconds

COOKIE = "clc_seen"
SEEN = "_seen"
"""The place of the cookie's text with what was marked, in the session's state, until the browser has it."""
BETWEEN = "|"
MOST_CHARACTERS = 3800
"""Browsers keep no cookie of more than 4,096 bytes with its name."""
MOST_DIGITS = 17
MOST_MARKS = 100
MOST_KEPT = 1000
"""So many marks of a session's earlier cookies are remembered, then only those of its latest."""
TEXTS = ("account", "account_tree", "sender", "entity", "actor")
LISTS = ("severities", "rules")
TIMED_VERSION = 7
"""Ids of this version begin with their time, in milliseconds since 1970."""


class Heard(NamedTuple):
    """A browser's cookie, and the marks that were in it since its session last marked findings."""

    cookie: str
    kept: frozenset[str]


_heard: dict[str, Heard] = {}
"""The latest cookie of each session that asked for the pulse. Streamlit tells a session only the one it began with."""


class Mark(NamedTuple):
    """A list of findings that was marked as seen.

    `since` and `until` are the ends of its range, in microseconds since 1970, and `filters` its filters. `received` is
    when the last of its findings became known, in milliseconds since 1970; a finding that became known before
    `known_since` was not in the list.
    """

    received: int
    since: int
    until: int
    filters: Mapping[str, Any]
    known_since: int = 0

    def covers(self, finding: Finding, below: set[SenderAlias] | None) -> bool:
        """Say whether a finding was in the list; `below` are the accounts that its filters let through."""
        return (
            self.known_since <= read_known_ms(finding) <= self.received
            and self.since <= to_microseconds(finding.found_at) < self.until
            and any(lets_through(part, dict(self.filters), below) for part in finding.list_parts())
        )


def read_known_ms(finding: Finding) -> int:
    """Return when a finding became known at the earliest, in milliseconds since 1970.

    That is when the last of its notifications was received; if it was stored after later ones, just after these.
    """
    ids = [UUID(each) for each in finding.notification_ids]
    times = [each.int >> 80 for each in ids if each.version == TIMED_VERSION]
    received = max(times, default=to_microseconds(finding.found_at) // 1000)
    stored_after = to_microseconds(finding.stored_after) // 1000 + 1 if finding.stored_after else 0
    return max(received, stored_after)


def make_mark(
    findings: Iterable[Finding],
    ends: tuple[datetime, datetime],
    chosen: Mapping[str, Any],
    known_since: datetime | None = None,
) -> Mark:
    """Return the mark of a list of findings, with the ends of its range and the filters of the page.

    Args:
        findings: the list.
        ends: the ends of its range.
        chosen: the filters of the page.
        known_since: when the first of the list became known; None if that does not matter.
    """
    since, until = map(to_microseconds, ends)
    filters = {name: chosen[name] for name in (*TEXTS, *LISTS)}
    known = to_microseconds(known_since) // 1000 if known_since else 0
    return Mark(max(map(read_known_ms, findings)), since, until, filters, known)


def select_unseen(findings: Sequence[Finding], marks: Iterable[Mark]) -> list[Finding]:
    """Return the findings that no mark covers."""
    unseen = list(findings)
    for mark in marks:
        below = list_chosen(dict(mark.filters))
        unseen = [finding for finding in unseen if not mark.covers(finding, below)]
    return unseen


def add_mark(cookie: str, mark: Mark) -> str:
    """Return the text of the cookie with one mark more; where it has no room, the oldest marks go."""
    ends = {"received": mark.received, "since": mark.since, "until": mark.until}
    ends |= {"known": mark.known_since} if mark.known_since else {}
    text = urlencode(ends | {name: value for name, value in mark.filters.items() if value}, doseq=True)
    return join_marks(cookie, text)


def join_marks(cookie: str, latest: str) -> str:
    """Return the marks of two cookies as one, the latest last, each once; the oldest go where it has no room."""
    last = latest.split(BETWEEN)
    marks = [mark for mark in [*(each for each in cookie.split(BETWEEN) if each not in last), *last] if mark]
    while len(marks) > 1 and len(BETWEEN.join(marks)) > MOST_CHARACTERS:
        del marks[0]
    return BETWEEN.join(marks)


def parse_marks(cookie: str) -> Iterator[Mark]:
    """Yield the marks of a cookie, the latest first; what is no mark is left out."""
    for text in list(reversed(cookie.split(BETWEEN)))[:MOST_MARKS]:
        values = parse_qs(text)
        ends = [values.get(name, [""])[0] for name in ("received", "since", "until")]
        ends += values.get("known", ["0"])[:1]
        if all(map(is_number, ends)):
            received, since, until, known = map(int, ends)
            texts: dict[str, Any] = {name: next(iter(values.get(name, ())), None) for name in TEXTS}
            yield Mark(received, since, until, texts | {name: values.get(name, []) for name in LISTS}, known)


def hear_cookie(session: str, cookie: str) -> None:
    """Note the cookie of a session's browser, in which another tab may have marked findings meanwhile."""
    before = _heard.get(session, Heard("", frozenset()))
    if session not in _heard or before.cookie != cookie:
        # Two tabs' requests may be answered at once, each in a thread.
        for ended in [each for each in tuple(_heard) if not is_known(each)]:
            _heard.pop(ended, None)
        kept = before.kept if len(before.kept) < MOST_KEPT else frozenset()
        _heard[session] = Heard(cookie, kept.union(cookie.split(BETWEEN)))


def read_cookie() -> str:
    """Return the text of the cookie, with what was marked here and is not known to be in it yet."""
    heard, own = _heard.get(read_session_id()), str(st.session_state.get(SEEN) or "")
    if own and heard and own.rpartition(BETWEEN)[2] in heard.kept:
        # From now on the browser alone says what is marked: its user may clear the cookie.
        own = st.session_state[SEEN] = ""
    return join_marks(heard.cookie if heard else str(st.context.cookies.get(COOKIE) or ""), own)


def mark(marks: Iterable[Mark]) -> None:
    """Mark lists of findings as seen, and remember that here until the browser is heard to keep it."""
    st.session_state[SEEN] = reduce(add_mark, marks, read_cookie())
    session = read_session_id()
    if heard := _heard.get(session):
        # It may have had the same mark before, and have lost it.
        _heard[session] = heard._replace(kept=frozenset())


def find_unseen(findings: Sequence[Finding]) -> list[Finding]:
    """Return the findings that are not marked as seen, in the same order."""
    return select_unseen(findings, parse_marks(read_cookie()))


def is_number(text: str) -> bool:
    """Say whether a text is a number of few digits."""
    return text.isascii() and text.isdigit() and len(text) <= MOST_DIGITS


def is_of(finding: Finding, accounts: set[SenderAlias]) -> bool:
    """Say whether a finding is about one of some accounts."""
    return any((finding.sender, alias) in accounts or (None, alias) in accounts for alias in finding.list_accounts())


def lets_through(finding: Finding, chosen: dict[str, Any], below: set[SenderAlias] | None) -> bool:
    """Say whether the filters let a finding through."""
    return (
        (not chosen["sender"] or finding.sender == chosen["sender"])
        and (not chosen["severities"] or finding.severity in chosen["severities"])
        and (not chosen["rules"] or finding.rule in chosen["rules"])
        and (below is None or is_of(finding, below))
        and fits(finding.entity_id, chosen["entity"], finding.sender)
        and fits(finding.actor, chosen["actor"], finding.sender)
    )


def fits(name: str | None, text: str | None, sender: str | None) -> bool:
    """Say whether a filter's text lets a sender's name through: it has the text, or is the name in quotes."""
    whole = read_quoted(text)
    if whole is None:
        return (text or "").upper() in (name or "").upper()
    return name is not None and (name.upper() == whole.upper() if has_upper_case(sender) else name == whole)
