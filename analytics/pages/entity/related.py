"""Things that belong to an entity: findings about it, the parts of an account, the deeds of a user."""

from collections.abc import Sequence
from typing import Any

import streamlit as st

from analytics import senders
from analytics.findings.finding import Finding
from analytics.findings.merging import narrow
from analytics.pages.entity.timeline import Entity
from analytics.pages.shared import going
from analytics.pages.shared.accounts import load_accounts
from analytics.pages.shared.changes import describe_each, describe_what, make_event_column
from analytics.pages.shared.components import Column, Line, draw_table
from analytics.pages.shared.filters import title_accounts
from analytics.pages.shared.findings import (
    describe_counts,
    draw_computed,
    draw_finding_list,
    draw_looking,
    warn_of,
)
from analytics.pages.shared.formatting import format_event
from analytics.pages.shared.frame import is_dark
from analytics.pages.shared.known.findings import load_findings, map_doubts
from analytics.pages.shared.store import ask, list_rows, null_to_none, to_moment
from analytics.senders import colours, has_state
from analytics.text import add_article, as_markdown, format_count, shorten
from analytics.words.sayings import Saying
from analytics.words.sentences import UNSEEN

MOST_PARTS = 200
MOST_ACTS = 50
MOST_IDS = 100_000
"""Of an entity with more notifications, findings that do not name it may lack where older ones are behind them."""
LIST_PIXELS = 320
FEW = 3


def list_below_columns(sender: str | None) -> tuple[Column, ...]:
    """Return the columns of a sender's sub-accounts."""
    return Column(title_accounts(sender), "8rem", opens=True), Column("Business name", "100%", opens=True)


def list_act_columns(sender: str | None) -> tuple[Column, ...]:
    """Return the columns of the actions of a sender's user."""
    return (
        Column("Occurred", "6.4rem", time=True, days=True),
        make_event_column(sender),
        Column("Entity", "42%", opens=True, names=True),
        Column("What changed", "58%", says=True),
        Column(title_accounts(sender), "8rem", opens=True, rank=1),
    )


def list_part_columns(*, with_deleted: bool) -> tuple[Column, ...]:
    """Return the columns of an account's entities, with their state if some of them are deleted."""
    state = (Column("State", "6rem"),) if with_deleted else ()
    return (
        Column("Category", "8rem"),
        Column("Name", "100%", opens=True),
        *state,
        Column("Notifications", "7.5rem", align="right"),
        Column("Last", "12rem", time=True),
    )


def names_it(finding: Finding, entity: Entity) -> bool:
    """Say whether a finding names the entity: as its subject, one of its accounts or its actor."""
    if finding.sender not in {None, entity.sender}:
        return False
    if finding.category == entity.category and finding.entity_id == entity.name:
        return True
    if entity.is_account:
        return entity.name in finding.list_accounts()
    return entity.is_person and going.find_user(finding.actor or "", entity.sender) == entity.name


def select_about(findings: Sequence[Finding], entity: Entity) -> list[Finding]:
    """Return the findings that name the entity or, with several notifications, have one of it; each of such parts."""
    several = any(len(finding.notification_ids) > 1 for finding in findings)
    # All findings may have more ids than a query takes; nearly every entity has few.
    of_it = set(ask("ids_of_entity", page_rows=MOST_IDS, **entity.values)["id"]) if several else set()

    def concerns(part: Finding) -> bool:
        is_made_of_it = len(part.notification_ids) > 1 and not of_it.isdisjoint(part.notification_ids)
        return is_made_of_it or names_it(part, entity)

    return [each for finding in findings if (each := narrow(finding, concerns))]


def draw_findings_about(entity: Entity) -> None:
    """Draw the findings of all time about the entity; nothing where there are none."""
    snapshot = load_findings()
    if snapshot is None:
        draw_looking()
        return
    about = select_about(snapshot.findings, entity)
    warn_of(snapshot.problems)
    if not about:
        return
    with st.container(key="findings-about", gap="small"):
        st.markdown(f"**{format_count(len(about), 'finding')}** here: {describe_counts(about)}")
        draw_computed(snapshot)
        draw_finding_list(about, key="findings", on_open=going.to_findings, height=180, short=FEW)


def draw_parts_of_account(entity: Entity) -> None:
    """Draw the parts of an account, and the accounts below it."""
    alias, sender = entity.name, entity.sender
    of_it = [account for account in load_accounts().all if account.parent_alias == alias]
    below = [account for account in of_it if account.sender in {None, sender}]
    if below:
        with st.container(key="below-card", gap="small"):
            st.markdown(f"**{format_count(len(below), 'sub-account')}**")
            lines = [
                Line(account.alias, [shorten(account.alias, 24), shorten(account.business_name or "", 80)])
                for account in below
            ]
            draw_table(list_below_columns(sender), lines, key="below-list", alt="Sub-accounts",
                  on_open=lambda name, _: going.to_account(name, sender), height=LIST_PIXELS)  # fmt: skip
    parts = ask("entities_of_account", alias=alias, sender=entity.values["sender"], page_rows=MOST_PARTS)
    one, several = (senders.describe_parts_of_account(last, sender) for last in ("or", "and"))
    with st.container(key="parts-card", gap="small"):
        if parts.empty:
            account = as_markdown(senders.find_account_word(sender))
            st.caption(f"No notification says that {add_article(as_markdown(one))} is in this {account} now.")
            return
        total = int(parts.iloc[0]["total"])
        st.markdown(f"**{as_markdown(format_count(total, one, several))}**")
        rows = {f"{row.category} {row.entity_id}": row for row in list_rows(parts)}

        def open_row(identity: str, _: str) -> None:
            if (row := rows.get(identity)) is not None:
                going.to_entity(row.category, row.entity_id, sender=sender)

        alt, some = f"{several.capitalize()} of this account", any(row.deleted for row in rows.values())
        lines = [make_part_line(identity, row, sender, with_deleted=some) for identity, row in rows.items()]
        columns = list_part_columns(with_deleted=some)
        draw_table(columns, lines, key="parts", alt=alt, on_open=open_row, height=LIST_PIXELS)  # fmt: skip
        if total > len(rows):
            st.caption(f"The first {len(rows):,} are listed.")


def make_part_line(identity: str, row: Any, sender: str, *, with_deleted: bool) -> Line:
    """Return an entity of an account as a row, with its state if some of the listed ones are deleted."""
    state = ["deleted" if row.deleted else ""] if with_deleted else []
    cells = [
        senders.as_words(row.category, sender),
        shorten(row.entity_id, 80),
        *state,
        f"{row.notifications:,}",
        to_moment(row.last_at),
    ]
    return Line(identity, cells, tones=["quiet"] * len(cells) if row.deleted else ())


def draw_acts_of_user(entity: Entity) -> None:
    """Draw the notifications that name a user as their actor; each that is in doubt says why."""
    acts = ask("acts_of_user", entity=entity.name, sender=entity.values["sender"], page_rows=MOST_ACTS)
    with st.container(key="acts-card", gap="small"):
        if acts.empty:
            names_actors = as_markdown(senders.find_sender(entity.sender).names_actors)
            st.caption(f"No notification names this user as its actor; {names_actors}.")
            return
        rows = {str(row.seq): row for row in list_rows(acts)}
        snapshot = load_findings()
        by_notification = map_doubts(snapshot.findings if snapshot else (), (row.id for row in rows.values()))
        doubts = {seq: by_notification.get(str(row.id), []) for seq, row in rows.items()}
        draw_acts_head(entity, len(rows), sum(map(bool, doubts.values())))
        ids = [str(row.id) for row in rows.values()]
        said = describe_each(acts, ask("changes_by_notification", ids=ids))

        def open_row(seq: str, column: str) -> None:
            row = rows.get(seq)
            if row is None:
                return
            if column == title_accounts(entity.sender) and null_to_none(row.account_alias):
                going.to_account(row.account_alias, entity.sender)
            elif null_to_none(row.entity_id):
                going.to_entity(row.category, row.entity_id, int(seq), sender=entity.sender)

        lines = [act_line(row, said[row.seq], doubts[seq]) for seq, row in rows.items()]
        draw_table(list_act_columns(entity.sender), lines, key="acts", alt="Actions of this user, newest first",
              on_open=open_row, height=LIST_PIXELS, colours=colours(is_dark()))  # fmt: skip


def draw_acts_head(entity: Entity, acts: int, doubted: int) -> None:
    """Draw the number of the listed notifications, of those in doubt, and the way to all changes by the user."""
    latest = f"its latest {MOST_ACTS} notifications" if acts == MOST_ACTS else format_count(acts, "notification")
    doubt = f", of which a finding doubts {doubted:,}" if doubted else ""
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="acts-head"):
        st.markdown(f"**Actions of this user**: {latest}{doubt}", width="content")
        st.button("All changes by this user on Audit", key="open-changes", on_click=going.to_changes_by,
                  args=(entity.name, entity.values["sender"]), icon=":material/policy:")  # fmt: skip


def act_line(row: Any, said: Saying, doubts: Sequence[Finding]) -> Line:
    """Return a notification of an actor as a row; a hidden change is marked."""
    is_hidden = UNSEEN in said.text and has_state(row.category)
    what = describe_what(row, said, doubts, tone="notice" if is_hidden else None)
    cells = [
        to_moment(row.occurred_at),
        format_event(row),
        shorten(null_to_none(row.entity_id) or "", 80),
        what.text,
        shorten(null_to_none(row.account_alias) or "", 24),
    ]
    return Line(str(row.seq), cells, format_event(row), [None, None, None, what.tone], [None, None, None, what.hover])
