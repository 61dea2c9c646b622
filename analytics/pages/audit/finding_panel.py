"""The panel of a finding: why it matters, what to do, and its notifications, of which doubted ones are marked."""

import re
from collections.abc import Mapping

import streamlit as st

from analytics.findings.doubts import describe_doubt, find_successor, map_doubted
from analytics.findings.finding import Finding
from analytics.findings.rule_files import Rule, load_rules
from analytics.findings.snapshot import FindingsSnapshot
from analytics.pages.shared import address, going
from analytics.pages.shared.answers import read_now
from analytics.pages.shared.changes import describe_each, find_due, read_alerts
from analytics.pages.shared.completeness import read_freshness
from analytics.pages.shared.components import Column, Line, draw_table
from analytics.pages.shared.detail import draw_account_button, draw_head, draw_name_button
from analytics.pages.shared.findings import describe_severity, draw_computed, wait_for
from analytics.pages.shared.formatting import describe_receipt, format_event, format_minute, format_number
from analytics.pages.shared.frame import is_dark
from analytics.pages.shared.known.findings import name_titles
from analytics.pages.shared.known.waiting import begin_waiting
from analytics.pages.shared.store import ask, find_sender_of_row, list_rows, null_to_none, to_moment
from analytics.senders import as_words, colours, find_kind_of, find_sender_of, is_account
from analytics.settings import read_settings
from analytics.text import as_markdown, format_count, make_visible, shorten

MOST_NOTIFICATIONS = 100
STEP_COLUMNS = (
    Column("Occurred", "8.4rem", opens=True, time=True),
    Column("Entity", "46%", opens=True),
    Column("What", "54%"),
    Column("Notification", "6.9rem", opens=True),
)
LINKED = re.compile(r"((?P<title>.*): )?(?P<address>https://[\w.-]+(/[\w./#?=&%+-]*)?)", re.ASCII)


def find_rule(name: str) -> Rule | None:
    """Return a rule; None where it no longer exists."""
    return next((rule for rule in load_rules(read_settings().rules).rules if rule.name == name), None)


def draw_not_found(identity: str, snapshot: FindingsSnapshot) -> None:
    """Say that a finding does not exist; before that, wait for findings up to the moment of the question."""
    asked_at = begin_waiting(identity, read_now())
    if snapshot.upto < asked_at:
        draw_head("Finding", "Looking for it", on_close=close)
        wait_for(identity, asked_at)
        return
    draw_head("Not found", "This finding", on_close=close)
    draw_computed(snapshot, key="finding-upto")
    known = read_freshness()
    gone = f", or before {format_minute(known.complete_since)}, in the lake" if known.complete_since else ""
    st.caption(
        "No finding up to then has this id: its rule may have changed since, or it is in a store that this "
        f"dashboard does not read{gone}."
    )


def draw_finding(identity: str, snapshot: FindingsSnapshot) -> None:
    """Draw the open finding: why it matters, what to do, and its notifications."""
    finding = next((each for each in snapshot.findings if each.id == identity), None)
    successor = None if finding else find_successor(identity, snapshot.findings)
    finding = finding or successor
    with st.container(key="detail", border=True, gap="small"):
        if finding is None:
            draw_not_found(identity, snapshot)
            return
        if successor:
            st.caption("The linked finding has changed since: an earlier notification is now part of it.")
        kind = f"Finding, {as_markdown(describe_severity(finding))}"
        draw_head(kind, finding.title, on_close=close, at=finding.found_at)
        st.text(make_visible(finding.sentence))
        draw_names(finding)
        if rule := find_rule(finding.rule):
            draw_advice(rule)
        draw_evidence(finding, map_doubted(snapshot.findings))


def close() -> None:
    """Close the open finding."""
    address.put(finding=None)


def draw_names(finding: Finding) -> None:
    """Draw the buttons that lead to the finding's entity, account and actor."""
    sender = finding.sender or find_sender_of(finding.category or "").name
    is_of_account = is_account(finding.category, sender)
    with st.container(horizontal=True, gap="small", key="finding-names"):
        if finding.entity_id and finding.category and not is_of_account:
            kind = as_words(find_kind_of(finding.category), sender)
            draw_name_button(kind, finding.entity_id, finding.category, "open-entity", sender=sender)
        account = finding.entity_id if is_of_account and finding.entity_id else finding.account_alias
        if account:
            draw_account_button(account, "open-account", sender)
        if finding.actor and finding.actor.upper() != finding.entity_id:
            label = f"Actor {as_markdown(shorten(finding.actor, 40))}"
            st.button(label, key="open-actor", on_click=going.to_actor, args=(finding.actor, sender),
                      icon=":material/person:")  # fmt: skip


def draw_advice(rule: Rule) -> None:
    """Draw the rule's advice on its findings."""
    with st.container(key="finding-advice", gap="small"):
        for title, text in (("Why it matters", rule.why), ("What to do", rule.todo)):
            if text:
                st.caption(title)
                st.text(make_visible(text, keep="\n"))
        if rule.references:
            st.caption("References")
            for reference in rule.references:
                draw_reference(make_visible(reference))


def draw_reference(reference: str) -> None:
    """Draw a reference: a link where it ends with a plain address, else text: a rule's file may hold anything."""
    if match := LINKED.fullmatch(reference):
        st.markdown(f"[{as_markdown(match['title'] or match['address'])}]({match['address']})")
    else:
        st.text(reference)


def draw_doubt(finding: Finding, doubts: Mapping[str, list[Finding]]) -> None:
    """Say how many of a finding's notifications are doubted, and which rules doubt them."""
    # A fixed place, so that a doubt that comes later moves nothing in the browser's tree.
    with st.container(key="finding-doubt"):
        if text := describe_doubt(finding):
            titles = name_titles(each for one in finding.doubted for each in doubts.get(one, ()))
            st.markdown(f":red[:material/warning:] **{text[0].upper()}{text[1:]}**: {as_markdown(titles)}")


def count_notifications(finding: Finding) -> str:
    """Return how many notifications are drawn; a rule gives the first ones of a burst and the latest alone."""
    number = len(finding.notification_ids)
    if number >= MOST_NOTIFICATIONS:
        return f"{MOST_NOTIFICATIONS} of the notifications"
    return format_count(number, "notification")


def draw_evidence(finding: Finding, doubts: Mapping[str, list[Finding]]) -> None:
    """Draw the notifications behind a finding; each leads to its step in the entity's timeline, and to its evidence.

    Args:
        finding: the finding.
        doubts: the findings that doubt a notification, by its id.
    """
    st.caption(f"{count_notifications(finding)} behind this finding")
    draw_doubt(finding, doubts)
    number, ids = len(finding.notification_ids), finding.notification_ids[:MOST_NOTIFICATIONS]
    notifications = ask("notifications_by_id", ids=ids, page_rows=MOST_NOTIFICATIONS)
    reports = read_alerts(notifications)
    said = describe_each(notifications, ask("changes_by_notification", ids=ids))
    rows = {str(row.seq): row for row in list_rows(notifications)}
    lines = []
    for seq, row in rows.items():
        doubting = doubts.get(row.id) if row.id in finding.doubted else None
        doubt = f"doubted: {name_titles(doubting)}" if doubting else None
        receipt = describe_receipt(row, find_due(reports, row.seq))
        cells = [
            to_moment(row.occurred_at),
            shorten(null_to_none(row.entity_id) or "", 80),
            "; ".join(filter(None, (said[row.seq].text or format_event(row), receipt, doubt))),
            format_number(row.seq),
        ]
        lines.append(Line(seq, cells, format_event(row), tones=[None, None, "notice" if doubt else None]))

    def open_row(seq: str, column: str) -> None:
        row = rows.get(seq)
        if row is None:
            return
        if column == "Notification" or not null_to_none(row.entity_id):
            going.to_notification(int(seq))
        else:
            going.to_entity(row.category, row.entity_id, int(seq), sender=find_sender_of_row(row))

    draw_table(
        STEP_COLUMNS,
        lines,
        key="finding-notifications",
        alt="Notifications of this finding",
        on_open=open_row,
        height=320,
        wrap=True,
        colours=colours(is_dark()),
        steady=finding.id,
    )
    if number > len(ids):
        st.caption(f"The first {len(ids)} of {number:,} are listed.")
