"""The notifications behind a finding, listed in its panel; those that another finding doubts are marked."""

from collections.abc import Mapping

import streamlit as st

from analytics.findings.doubts import describe_doubt
from analytics.findings.finding import Finding
from analytics.pages.shared import address
from analytics.pages.shared.changes import actions_of, summaries
from analytics.pages.shared.components import Column, Line, draw_table
from analytics.pages.shared.formatting import describe_receipt, event_text, number_text
from analytics.pages.shared.frame import is_dark
from analytics.pages.shared.known_findings import name_titles
from analytics.pages.shared.store import ask, moment, null_to_none, records, sender_of_row
from analytics.senders import colours
from analytics.text import as_markdown, plural, shorten

MOST_NOTIFICATIONS = 100
STEP_COLUMNS = (
    Column("Occurred", "12rem", opens=True, time=True),
    Column("Entity", "58%", opens=True),
    Column("What", "42%"),
    Column("Notification", "6.9rem", opens=True),
)


def draw_doubt(finding: Finding, doubts: Mapping[str, list[Finding]]) -> None:
    """Say how many of a finding's notifications are doubted, and which rules doubt them."""
    # A fixed place, so that a doubt that comes later moves nothing in the browser's tree.
    with st.container(key="finding-doubt"):
        if text := describe_doubt(finding):
            titles = name_titles(each for one in finding.doubted for each in doubts.get(one, ()))
            st.markdown(f":red[:material/warning:] **{text[0].upper()}{text[1:]}**: {as_markdown(titles)}")


def name_doubt(doubting: list[Finding]) -> str | None:
    """Return the words that mark a doubted notification."""
    return f"doubted: {name_titles(doubting)}" if doubting else None


def draw_evidence(finding: Finding, doubts: Mapping[str, list[Finding]]) -> None:
    """Draw the notifications behind a finding; each leads to its step in the entity's timeline, and to its evidence.

    Args:
        finding: the finding.
        doubts: the findings that doubt a notification, by its id.
    """
    st.caption(f"{plural(len(finding.notification_ids), 'notification')} behind this finding")
    draw_doubt(finding, doubts)
    ids = [str(identity) for identity in finding.notification_ids]
    notifications = ask("notifications_by_id", ids=ids, page_rows=MOST_NOTIFICATIONS)
    texts = summaries(ask("changes_by_notification", ids=ids[:MOST_NOTIFICATIONS]), actions_of(notifications))
    rows = {str(row.seq): row for row in records(notifications)}
    lines = [
        Line(
            seq,
            [
                moment(row.occurred_at),
                shorten(null_to_none(row.entity_id) or "", 80),
                "; ".join(filter(None, (texts.get(row.seq) or event_text(row), describe_receipt(row), doubt))),
                number_text(row.seq),
            ],
            event_text(row),
            tones=[None, None, "notice" if doubt else None],
        )
        for seq, row in rows.items()
        for doubt in [name_doubt(doubts.get(row.id, []) if row.id in finding.doubted else [])]
    ]

    def open_row(seq: str, column: str) -> None:
        row = rows.get(seq)
        if row is None:
            return
        if column == "Notification" or not null_to_none(row.entity_id):
            address.to_notification(int(seq))
        else:
            address.to_entity(row.category, row.entity_id, int(seq), sender=sender_of_row(row))

    draw_table(
        STEP_COLUMNS,
        lines,
        key="finding-notifications",
        alt="Notifications of this finding",
        on_open=open_row,
        height=320,
        wrap=True,
        colours=colours(is_dark()),
    )
    if len(ids) > MOST_NOTIFICATIONS:
        st.caption(f"The first {MOST_NOTIFICATIONS} of {len(ids):,} are listed.")
