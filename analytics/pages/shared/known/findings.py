"""The findings that are known now: loaded at most every few seconds, and named on a notification's panel."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, TypeVar

import streamlit as st

from analytics.client.keeping import Dated, KeptAnswer
from analytics.errors import AnalyticsError
from analytics.findings.doubts import map_doubted
from analytics.findings.finding import Finding
from analytics.findings.rule_headers import MARKS
from analytics.findings.snapshot import FindingsSnapshot, KeptFindings
from analytics.pages.shared import going
from analytics.pages.shared.address import is_refreshing
from analytics.pages.shared.answers import answer, is_kept, note_moment, read_now
from analytics.pages.shared.known.waiting import await_answer, begin_waiting, note_answered, was_answered
from analytics.pages.shared.store import open_connection
from analytics.senders import list_doubting_rules
from analytics.text import as_markdown, format_count, shorten

T = TypeVar("T", bound=Dated)
MOST_NAMED = 5
PATIENCE_SECONDS = 0.4
FRESH = timedelta(seconds=3)
LAG = timedelta(seconds=15)
"""Findings may be this old on a page that refreshes, and it says so; a page that was just opened waits for new ones."""
FINDINGS = "all"


@st.cache_resource(show_spinner=False)
def open_findings() -> KeptFindings:
    """Return the object that keeps the findings for all viewers."""
    return KeptFindings(open_connection().client)


def load_findings() -> FindingsSnapshot | None:
    """Return the findings of all time, the worst first, then the newest, and the problems of rules.

    None means that they are still being computed; `draw_looking` says so on the page.

    Raises:
        AnalyticsError: they can't be computed now.
    """
    return load_known(FINDINGS, open_findings())


def load_known(what: str, kept: KeptAnswer[T]) -> T | None:
    """Return the latest of a kept answer, whose moment the page then claims; None while it is being computed.

    Args:
        what: its name on the page.
        kept: computes it.

    Raises:
        AnalyticsError: it can't be computed now.
    """
    at = read_now()
    snapshot = answer(("known", what), lambda: find_latest(what, kept, at))
    if snapshot:
        note_moment(snapshot.upto)
    return snapshot


def begin_known(what: str, kept: KeptAnswer[Any]) -> None:
    """Let a kept answer be computed, which the page loads later."""
    with suppress(AnalyticsError):
        kept.read_up_to(0, choose_moment(what, read_now()))


def choose_moment(what: str, at: datetime) -> datetime:
    """Return how new an answer must be for a page of this moment; where it refreshes, some seconds old will do."""
    # Without a refresh nothing would add the findings of a change that the page lists.
    return begin_waiting(what, at - FRESH if is_refreshing() else at)


def find_latest(what: str, kept: KeptAnswer[T], at: datetime) -> T | None:
    """Return a fresh answer for a page of this moment, or on a page that refreshes the one before."""
    snapshot = kept.read_up_to(PATIENCE_SECONDS, choose_moment(what, at))
    if snapshot is None and was_answered(what):
        before = kept.snapshot
        snapshot = before if before and before.upto >= at - LAG else None
    if snapshot:
        note_answered(what)
    return snapshot


def find_known(at_least: datetime) -> FindingsSnapshot | None:
    """Return the findings that are known, up to a moment at least; None while those are being computed.

    New ones are begun where these are older than `LAG`, and waited for a moment where nothing else is known.

    Raises:
        AnalyticsError: they can't be computed now.
    """
    kept, at_least = open_findings(), min(at_least, read_now())
    before = kept.snapshot
    if before is None or before.upto < at_least:
        return kept.read_up_to(PATIENCE_SECONDS, at_least)
    with suppress(AnalyticsError):
        kept.read_up_to(0, read_now() - LAG)
    return before


def find_at_once() -> FindingsSnapshot | None:
    """Return the findings that are known, without a wait, and begin to compute new ones where these are old.

    Raises:
        AnalyticsError: they can't be computed now.
    """
    open_findings().read_up_to(0, read_now() - LAG)
    return open_findings().snapshot


def map_findings(findings: Iterable[Finding], identities: Iterable[Any]) -> dict[str, list[Finding]]:
    """Return the findings that some notifications are behind, by their ids; those that doubt one come first.

    Of a merged finding it is the part that the notification is behind.
    """
    wanted = set(map(str, identities))
    by_notification: dict[str, list[Finding]] = {}
    for finding in findings:
        for part in () if wanted.isdisjoint(finding.notification_ids) else finding.list_parts():
            for identity in wanted.intersection(part.notification_ids):
                by_notification.setdefault(identity, []).append(part._replace(id=finding.id))
    rules = list_doubting_rules()
    for about in by_notification.values():
        about.sort(key=lambda finding: finding.rule not in rules)
    return by_notification


def map_doubts(findings: Iterable[Finding], identities: Iterable[Any]) -> dict[str, list[Finding]]:
    """Return the findings that doubt some notifications, by their ids; no finding doubts the first use of a body."""
    wanted = set(map(str, identities))
    doubts = map_doubted(findings)
    return {identity: doubts[identity] for identity in wanted & doubts.keys()}


def load_doubts(identities: Iterable[Any]) -> dict[str, list[Finding]]:
    """Return the known findings that doubt some notifications, by their ids; none before they are computed."""
    try:
        snapshot = answer("findings at once", find_at_once)
    except AnalyticsError:
        return {}
    return map_doubts(snapshot.findings if snapshot else (), identities)


def name_titles(findings: Iterable[Finding]) -> str:
    """Return the titles of findings as a text, each once."""
    return ", ".join(dict.fromkeys(shorten(finding.title, 60) for finding in findings))


def list_sentences(findings: Iterable[Finding]) -> str | None:
    """Return the sentences of findings, a line each, for a hover on their titles; None without one."""
    return "\n".join(f"{shorten(finding.title, 60)}: {shorten(finding.sentence, 300)}" for finding in findings) or None


def draw_findings_of(notification_id: str, received_at: datetime) -> None:
    """Draw a way to each finding that a notification is behind; nothing where there is none."""
    # A fixed place, so that findings that come later move nothing in the browser's tree.
    with st.container(key="findings-of", gap="small"):
        try:
            snapshot = answer(("findings known", received_at), lambda: find_known(received_at))
        except AnalyticsError:
            st.caption("Whether it is in a finding is not known now.")
            return
        if snapshot is None:
            st.caption("Its findings are being computed.")
            if not is_kept():
                await_answer(f"findings-of-{notification_id}", lambda: find_known(received_at) is not None)
            return
        if about := map_findings(snapshot.findings, [notification_id]):
            name_findings(about[notification_id])


def name_findings(about: Sequence[Finding]) -> None:
    """Draw a button for each finding, the worst first."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="findings-of-names"):
        st.markdown(f":red[:material/policy:] **In {format_count(len(about), 'finding')}:**", width="content")
        for place, finding in enumerate(about[:MOST_NAMED]):
            label = f"{MARKS[finding.severity]}: {as_markdown(shorten(finding.title, 60))}"
            st.button(label, key=f"finding-of-{place}", on_click=going.to_findings, args=(finding.id,),
                      help=as_markdown(shorten(finding.sentence, 300)))  # fmt: skip
        if len(about) > MOST_NAMED:
            st.caption(f"and {len(about) - MOST_NAMED:,} more", width="content")
