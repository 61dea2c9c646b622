"""Findings: loaded at most every few seconds, and listed."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import pandas as pd
import streamlit as st

from analytics.findings.doubts import describe_doubt
from analytics.findings.finding import Finding, count_severities, select_between
from analytics.findings.rule_files import RuleProblem
from analytics.findings.rule_headers import COLOURS, MARKS
from analytics.findings.snapshot import FindingsSnapshot
from analytics.pages.shared.answers import is_kept, read_now
from analytics.pages.shared.components import Cell, Column, Line, draw_age_line, draw_table
from analytics.pages.shared.formatting import format_clock
from analytics.pages.shared.frame import is_dark
from analytics.pages.shared.known.findings import (
    FINDINGS,
    FRESH,
    PATIENCE_SECONDS,
    open_findings,
)
from analytics.pages.shared.known.waiting import await_answer, begin_waiting, end_waiting
from analytics.senders import find_sender, has_several_senders
from analytics.senders.marks import choose_mark
from analytics.settings import read_settings
from analytics.text import format_count, make_visible, shorten
from analytics.times import EPOCH, to_microseconds

MOST_SHOWN = 200
LIST_PIXELS = 300
COLUMNS = (
    Column("Severity", "6.2rem"),
    Column("Found", "11.6rem", opens=True, time=True),
    Column("Finding", "72%", names=True, says=True),
    Column("Rule", "28%", rank=1, says=True),
)
SENDER_COLUMN = Column("Sender", "11.6rem", rank=3, marks=True)


class Progress(NamedTuple):
    """The moment up to which findings are computed, None for none, and whether a page waits long for newer ones."""

    upto: datetime | None
    is_long: bool


def draw_computed(snapshot: FindingsSnapshot, *, key: str = "findings-upto") -> None:
    """Draw the moment up to which findings are computed; `key` names the line on the page."""
    draw_age_line(f"Computed up to {format_clock(snapshot.upto)}, ", snapshot.upto, key=key)


def find_ends(since: datetime | None, until: datetime | None) -> tuple[datetime, datetime]:
    """Return the ends of a time, which has no begin where `since` is None, and ends now where `until` is."""
    return since or EPOCH, until or read_now() + timedelta(seconds=1)


def select_range(findings: Sequence[Finding], since: datetime | None, until: datetime | None) -> list[Finding]:
    """Return the findings of a time, of all in order; see `find_ends` and `select_between`."""
    return select_between(findings, *find_ends(since, until))


def draw_looking() -> None:
    """Say that findings are being computed; draw the page again when they are ready."""
    wait_for(FINDINGS, begin_waiting(FINDINGS, read_now() - FRESH))


def wait_for(what: str, upto: datetime) -> None:
    """Say that findings up to a moment are being computed; draw the page again when they are ready.

    A page that shows kept answers, because the store does not answer, is drawn again only when the store answers.

    Args:
        what: the name of the awaited findings.
        upto: the moment.
    """
    progress = read_progress(upto)
    say_waiting(what, upto, progress)
    if not is_kept():
        await_answer(what, lambda: is_computed(upto) or read_progress(upto) != progress)


def is_computed(upto: datetime) -> bool:
    """Say whether there are findings up to a moment, after a short wait for them."""
    return open_findings().read_up_to(PATIENCE_SECONDS, upto) is not None


def read_progress(upto: datetime) -> Progress:
    """Return how far the findings up to a moment are computed."""
    before = open_findings().snapshot
    waited = (datetime.now(UTC) - upto - FRESH).total_seconds()
    return Progress(before.upto if before else None, waited >= read_settings().query_timeout_seconds)


def say_waiting(what: str, upto: datetime, progress: Progress) -> None:
    """Say that findings up to a moment are being computed, their progress, and after a long wait how to go on."""
    with st.container(key="looking", border=True):
        st.markdown(f":material/hourglass_top: **Findings up to {format_clock(upto)} are being computed.**")
        so_far = f"So far they are computed up to {format_clock(progress.upto)}. " if progress.upto else ""
        so_far = so_far or "The rules read all there is. "
        st.caption(f"{so_far}They are listed here as soon as they are complete.")
        if not progress.is_long:
            return
        longest = read_settings().query_timeout_seconds
        st.text(
            f"This takes longer than {longest:g} s: the store is slow, or has much to read. The page keeps waiting."
        )
        st.button(
            "Look again", key="look-again", help="Findings up to now are computed.", icon=":material/refresh:",
            on_click=end_waiting, args=(what,),
        )  # fmt: skip


def count_by_bin(findings: Sequence[Finding], bin_us: int) -> pd.DataFrame:
    """Return the number of findings per bin and severity: columns `bin_us`, `severity`, `findings`."""
    rows = [(to_microseconds(finding.found_at) // bin_us * bin_us, finding.severity) for finding in findings]
    frame = pd.DataFrame(rows, columns=["bin_us", "severity"])
    return frame.groupby(["bin_us", "severity"], as_index=False).size().rename(columns={"size": "findings"})


def as_line(finding: Finding) -> Line:
    """Return a finding as a row; the reason for its severity is on a hover."""
    sentence = shorten(finding.sentence, 300)
    if doubt := describe_doubt(finding):
        sentence = f"{sentence} ({doubt})"
    cells: list[Cell] = [MARKS[finding.severity], finding.found_at, sentence, shorten(finding.title, 80)]
    mark = choose_mark(finding.sender, dark=is_dark()) if finding.sender else None
    if has_several_senders():
        cells.append(find_sender(finding.sender).title if finding.sender else "")
    return Line(finding.id, cells, finding.severity, hovers=[describe_severity(finding)], mark=mark)


def describe_severity(finding: Finding) -> str:
    """Return the severity of a finding, with the reason if its rule has one."""
    return f"severity {finding.severity}" + (f": {shorten(finding.reason, 200)}" if finding.reason else "")


def draw_finding_list(
    findings: Sequence[Finding],
    *,
    key: str,
    on_open: Callable[[str], None],
    chosen: str | None = None,
    height: int = LIST_PIXELS,
    short: int | None = None,
) -> None:
    """Draw findings; a click opens one. A phone shows the first `short` of them at first."""
    lines = [as_line(each) for each in findings[:MOST_SHOWN]]
    draw_table(
        (*COLUMNS, *([SENDER_COLUMN] if has_several_senders() else [])),
        lines,
        key=key,
        alt="Findings, worst first",
        on_open=lambda identity, _: on_open(identity),
        height=height,
        chosen=chosen,
        colours={severity: pair[is_dark()] for severity, pair in COLOURS.items()},
        short=short,
    )
    if len(findings) > MOST_SHOWN:
        st.caption(f"The worst and newest {MOST_SHOWN} of {len(findings):,} are listed.")


def describe_counts(findings: Sequence[Finding]) -> str:
    """Return the number of findings of each severity in words; they are in order."""
    return ", ".join(f"{number:,} {severity}" for severity, number in count_severities(findings).items() if number)


def describe_problems(problems: Sequence[RuleProblem]) -> str:
    """Return the number of rules that could not be run in words; findings of them may lack."""
    return f"{format_count(len(problems), 'rule')} could not be run"


def warn_of(problems: Sequence[RuleProblem]) -> None:
    """Draw the rules that could not be run, with the reasons, in a closed expander."""
    if not problems:
        return
    with (
        st.container(key="rule-problems"),
        st.expander(f"{describe_problems(problems)}; the others were.", icon=":material/warning:"),
    ):
        for problem in problems:
            file = make_visible(str(problem.file))
            where = f"{file}, line {problem.line}" if problem.line else file
            st.text(f"{where}: {make_visible(str(problem.what), keep=chr(10))}")
