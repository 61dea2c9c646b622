"""Signs beside the page's figures: alarms, findings, refused notifications, health.

Each leads to its page, and the way there keeps the range and the account.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from analytics.client.keeping import KeptAnswer
from analytics.comparison import format_difference
from analytics.errors import AnalyticsError
from analytics.findings.finding import Finding, count_severities
from analytics.findings.rule_files import Severity
from analytics.pages.activity.filters import ActivityFilters
from analytics.pages.activity.time_range import When
from analytics.pages.pages import OFFERS
from analytics.pages.shared import going
from analytics.pages.shared.accounts import SenderAlias, load_accounts
from analytics.pages.shared.answers import is_kept, read_now, read_silence
from analytics.pages.shared.filters import list_alerting, list_chosen
from analytics.pages.shared.findings import describe_counts, describe_problems, select_range
from analytics.pages.shared.health_figures import judge_receiver
from analytics.pages.shared.known.alarms import IN_ALARM, load_in_alarm, open_in_alarm
from analytics.pages.shared.known.findings import FINDINGS, begin_known, load_findings, open_findings
from analytics.pages.shared.known.marks import find_unseen, is_of
from analytics.pages.shared.known.waiting import await_answer, begin_waiting
from analytics.pages.shared.store import find_location
from analytics.senders import find_sender, label_alerts, list_alert_senders, list_alerts
from analytics.text import as_markdown, format_count, make_visible

GOOD, BAD, WARNING, UNKNOWN = (
    ":green[:material/check_circle:]",
    ":red[:material/error:]",
    ":orange[:material/warning:]",
    ":gray[:material/hourglass_top:]",
)
NOT_KNOWN = ":gray[:material/help:]"
HIGH: Severity = "high"


def list_ways(chosen: ActivityFilters, time: When, *, some_high: bool) -> dict[str, Callable[[], None]]:
    """Return the function that goes to the page of each sign, in the order of their places.

    Args:
        chosen: the filters.
        time: the time counted.
        some_high: whether some findings are high.
    """
    whose = {"account": chosen.account, "below": "false" if chosen.account and chosen.alone else None}
    severity = "high" if some_high else None
    audit = {**time.range_values, **whose, "sender": chosen.sender, "severity": severity}
    return {
        "alarms": partial(going.to_page, "alerts", **find_preset("Alerts", time), **whose),
        "findings": partial(going.to_page, "audit", **audit),
        "refused": partial(
            going.to_page, "notifications", list="Refused", **find_preset("Notifications", time), **whose
        ),
        "health": partial(going.to_page, "health", account=chosen.account),
    }


def find_preset(title: str, time: When) -> dict[str, Any]:
    """Return the range for a page's address; empty where the page has no such preset."""
    offer = OFFERS[title]
    return {offer.key: time.name} if offer.takes(time.name) else {}


class Sign(NamedTuple):
    """A sign: its icon and its text in Markdown, what it counts, and whether it is still being computed."""

    icon: str
    text: str
    hint: str
    is_pending: bool = False


def begin_signs() -> None:
    """Let what takes long be computed while the page draws its figures."""
    for name, kept in list_waited_for().items():
        begin_known(name, kept)


class KeptRefused(NamedTuple):
    """The kept refused notifications: their number in a time, and in the one to compare with if none were deleted."""

    number: int
    before: int | None


def make_kept_refused(rows: pd.DataFrame) -> KeptRefused:
    """Return what the rows of `activity_refused` count."""
    before = int(rows["events_before"].sum())
    return KeptRefused(int(rows["events"].sum()), before if rows["is_whole"].all() else None)


def draw_signs(place: DeltaGenerator, chosen: ActivityFilters, time: When, refused: KeptRefused) -> None:
    """Draw the signs. They come last on the page, because what they count may have to be computed.

    Args:
        place: their place.
        chosen: the filters.
        time: the time counted.
        refused: the refused notifications of that time, and of the time to compare with.
    """
    drawn = {"refused": describe_refused(refused, time), "health": look(describe_health, "Health")}
    if list_alerts():
        drawn["alarms"] = look(lambda: describe_alarms(chosen), f"{label_alerts()}s in alarm")
    drawn["findings"] = look(lambda: describe_findings(chosen, time), "Findings")
    with place:
        for name, go in list_ways(chosen, time, some_high=drawn["findings"].icon == BAD).items():
            if name in drawn:
                draw_sign(name, drawn[name], go)
    # A fixed place, so that the other parts of the page keep theirs when all is known.
    with st.container(key="await-signs"):
        if any(sign.is_pending for sign in drawn.values()) and not is_kept():
            await_answer("signs", is_any_ready)


def look(describe: Callable[[], Sign], what: str) -> Sign:
    """Return a sign, or one that says that it is not known now."""
    try:
        return describe()
    except AnalyticsError as error:
        return Sign(NOT_KNOWN, f"{what}: **not known** now", make_visible(str(error)))


def draw_sign(name: str, sign: Sign, go: Callable[[], None]) -> None:
    """Draw a sign as the button that leads to its page."""
    label = f"{sign.icon} {sign.text}"
    st.button(label, key=f"sign-{name}", on_click=go, type="tertiary", help=as_markdown(sign.hint), width="stretch")


def is_any_ready() -> bool:
    """Say whether an answer that the page waits for is there."""
    kept_answers = list_waited_for().items()
    return any(kept.read_up_to(0, begin_waiting(name, read_now())) is not None for name, kept in kept_answers)


def list_waited_for() -> dict[str, KeptAnswer[Any]]:
    """Return what computes the signs that take long, by its name on the page."""
    return {FINDINGS: open_findings(), IN_ALARM: open_in_alarm(find_location())}


def describe_alarms(chosen: ActivityFilters) -> Sign:
    """Return the number of entities in alarm now, and whether alerts that name none are, too."""
    entities = f"{label_alerts().lower()}s"
    one = entities.removesuffix("s")
    if chosen.sender and chosen.sender not in list_alert_senders():
        silent = f"{find_sender(chosen.sender).title} sends no alerts. Opens Alerts, which has those of other senders."
        return Sign(GOOD, f"**{format_count(0, one)}** in alarm", silent)
    hint = "In alarm now, of the chosen account. Opens Alerts."
    known = load_in_alarm()
    if known is None:
        return Sign(UNKNOWN, f"{entities.capitalize()} in alarm: **being read**", hint, is_pending=True)
    accounts = list_alerting(list_accounts(chosen))
    count, nameless = known.count(accounts), known.has_nameless(accounts)
    others = ", and alerts that name none" if nameless else ""
    return Sign(BAD if count or nameless else GOOD, f"**{format_count(count, one)}** in alarm{others}", hint)


def list_accounts(chosen: ActivityFilters) -> set[SenderAlias] | None:
    """Return the chosen accounts; None for all."""
    alone = chosen.account if chosen.alone else None
    tree = None if alone else chosen.account
    accounts = list_chosen({"account": alone, "account_tree": tree, "sender": chosen.sender})
    if left_out := chosen.without.get("without_accounts"):
        return {key for key in accounts or {each.key for each in load_accounts().all} if key[1] not in left_out}
    return accounts


def describe_findings(chosen: ActivityFilters, time: When) -> Sign:
    """Return the number of findings in the time, and of the high ones among them."""
    hint = "Of the chosen time, account and sender. Opens Audit with new ones that are high, if there are some."
    snapshot = load_findings()
    if snapshot is None:
        return Sign(UNKNOWN, "Findings: **being computed**", hint, is_pending=True)
    since, until = time.list_ends(read_now())
    found = let_through(select_range(snapshot.findings, since, until), chosen)
    new = find_unseen(found)
    text = describe_new(new, len(found))
    hint = f"{describe_counts(new)}. {hint}" if new else hint
    if snapshot.problems:
        text = f"{text}, {describe_problems(snapshot.problems)}"
        hint = f"{hint} It names the rules, whose latest findings may be missing."
    high = count_severities(new)[HIGH]
    return Sign(BAD if high else WARNING if new or snapshot.problems else GOOD, text, hint)


def describe_new(new: list[Finding], total: int) -> str:
    """Return the number of findings that are not marked as seen, and of the high ones among them, as Markdown."""
    high, all_of_them = count_severities(new)[HIGH], format_count(total, "finding")
    if len(new) == total:
        return f"**{high:,} {HIGH}** of {all_of_them}" if high else f"**{all_of_them}**"
    count = f"{len(new):,} new"
    return f"**{high:,} {HIGH}** of {count}, {all_of_them}" if high else f"**{count}** of {all_of_them}"


def let_through(findings: list[Finding], chosen: ActivityFilters) -> list[Finding]:
    """Return the findings of the chosen account and sender."""
    accounts = list_accounts(chosen)
    if accounts is not None:
        findings = [each for each in findings if is_of(each, accounts)]
    left_out = chosen.without.get("without_senders", ())
    return [each for each in findings if chosen.sender in {None, each.sender} and each.sender not in left_out]


def describe_refused(refused: KeptRefused, time: When) -> Sign:
    """Return the number of kept refused notifications in the time, compared with the other time."""
    count, before = refused
    hint = (
        "In the chosen time, of all accounts: their bodies are not read, so no filter applies. Of a flood not all are "
        "kept. Opens their list."
    )
    if not count:
        return Sign(GOOD, "**0 refused**", hint)
    differs = former = ""
    if time.compared and before is not None:
        differs = f", {format_difference(count, before) if before else f'none {time.compared.phrase}'}"
        former = f"{before:,} in the time to compare with. "
    kept = f"**{count:,} refused** {'is' if count == 1 else 'are'} kept"
    return Sign(WARNING, kept + as_markdown(differs), former + hint)


def describe_health() -> Sign:
    """Return the state of the receiver, and what is not ok in it."""
    state, troubled, silences = judge_receiver()
    hint = "The state of the receiver now. Opens Health."
    if read_silence():
        return Sign(BAD, "Store **does not answer**", hint)
    if state == "ok" and silences:
        return Sign(WARNING, f"Receiver **ok**, {format_count(silences, 'silence')} in the last hour", hint)
    if state == "ok":
        return Sign(GOOD, "Receiver **ok**", hint)
    bad = "; ".join(make_visible(f"{figure.label}: {figure.text}") for figure in troubled)
    return Sign(BAD if state == "red" else WARNING, f"Receiver **{state}**", f"{bad}. {hint}")
