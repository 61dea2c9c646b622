"""The page Entity: an entity's present and past states, and its events."""

from datetime import datetime
from typing import Any

import pandas as pd
import streamlit as st

from analytics.pages.entity import search
from analytics.pages.entity.related import draw_acts_of_user, draw_findings_about, draw_parts_of_account
from analytics.pages.entity.timeline import LAST_SEQ, Entity, Moment, draw_alarms, draw_step, draw_timeline
from analytics.pages.shared import address, going
from analytics.pages.shared.accounts import load_accounts
from analytics.pages.shared.changes import read_sayings
from analytics.pages.shared.completeness import draw_complete_since, read_freshness
from analytics.pages.shared.components import draw_age_line, draw_bringing
from analytics.pages.shared.detail import draw_account_button, draw_name_button
from analytics.pages.shared.formatting import find_viewer_zone, format_with_zone, name_with_zone
from analytics.pages.shared.frame import draw_page
from analytics.pages.shared.open_item import as_seq
from analytics.pages.shared.ranges import EARLIEST, LATEST
from analytics.pages.shared.store import ask, null_to_none, to_moment
from analytics.senders import (
    as_words,
    describe_any_entity,
    find_account_kind,
    find_account_word,
    find_icon,
    find_kind,
    find_sender,
    find_sender_of,
    has_several_senders,
    has_upper_case,
    is_person,
)
from analytics.text import add_article, as_markdown, capitalize, format_count, make_name_visible, parse_payload, shorten
from analytics.times import format_seconds
from analytics.words.sayings import Saying


def show() -> None:
    """Draw the page."""
    lead = f"{capitalize(add_article(describe_any_entity()))} now and at any time before, and its changes in between."
    draw_page("Entity", as_markdown(lead), draw_controls, draw_body)


def read_entity() -> Entity | None:
    """Return the entity in the address (as `name`, or by hand as `entity`), whose name may be in any letter case."""
    category, name = address.get("category"), address.get("name") or address.get("entity")
    if not category or not name:
        return None
    kind = find_kind(category, address.get("sender"))
    if kind is None:
        return None
    sender = find_sender(address.get("sender") or find_sender_of(kind).name).name
    if has_upper_case(sender):
        return Entity(kind, name.upper(), sender)
    return Entity(kind, find_name(kind, name, sender), sender)


def find_name(kind: str, name: str, sender: str) -> str:
    """Return the name of an entity, or the alias of an account, as the store has it; the given one if it has none."""
    rows = ask("name_of_entity", category=kind, entity=name, sender=sender, is_person=is_person(kind, sender) or None)
    if len(rows):
        return str(rows.iloc[0]["entity_id"])
    aliases = [account.alias for account in load_accounts().all if account.sender in {None, sender}]
    return name if name in aliases else next((alias for alias in aliases if alias.lower() == name.lower()), name)


def draw_controls() -> None:
    """Draw the search, or the choice of a time."""
    if read_entity() is None:
        search.search_controls()


def draw_body() -> None:
    """Draw the entity."""
    entity = read_entity()
    if entity is None:
        draw_unknown_category()
        search.draw_search()
        return
    at = read_time()
    then = read_step_moment(entity) or (Moment(at, LAST_SEQ) if at else None)
    facts = ask("entity", at=then.at if then else None, at_seq=then.seq if then else None, **entity.values).iloc[0]
    if facts["steps"] and (first := to_moment(facts["first_at"])):
        draw_complete_since(first)
    draw_entity_head(entity, facts, then)
    if not facts["steps"]:
        draw_without_notifications(entity)
        return
    step = as_seq(address.get("step"))
    latest = as_seq_of(facts["last_seq"])
    shown = step if step is not None else as_seq_of(facts["seq_then"]) if at else latest
    left, right = st.columns([11, 9], gap="small")
    with left:
        # First, although the rules take longest: what comes later above the timeline would push it down.
        with st.container(key="about"):
            draw_findings_about(entity)
        st.markdown(f"**Timeline**: {format_count(int(facts['steps']), 'notification')}")
        draw_timeline(entity, int(facts["steps"]), shown if step is not None or at else None, shown=shown)
        if entity.is_account:
            draw_parts_of_account(entity)
        if entity.is_person:
            draw_acts_of_user(entity)
    draw_bringing()
    with right:
        draw_state(entity, facts, shown, at, latest=shown == latest)


def draw_unknown_category() -> None:
    """Say that the category in the address is unknown, if it is."""
    category = address.get("category")
    if category and find_kind(category, address.get("sender")) is None:
        with st.container(key="unknown-category"):
            st.warning(f"There is no category “{as_markdown(shorten(category, 40))}”. Search for the name here.")


def draw_state(entity: Entity, facts: Any, shown: int | None, at: datetime | None, *, latest: bool) -> None:
    """Draw the shown step, or the reason why there is none."""
    if shown is not None:
        draw_step(entity, shown, steps=int(facts["steps"]), latest=latest)
        return
    with st.container(key="detail", border=True):
        if at and read_freshness().lacks(at):
            st.caption(f"This store does not have its state of {format_with_zone(at)} any more.")
        elif at:
            st.caption(f"Nothing was known about it at {format_with_zone(at)}: its first notification came later.")
        else:
            word = as_markdown(as_words(entity.category, entity.sender).lower())
            own = f"no notification of the {word} itself came yet"
            st.caption(f"Known only from its alerts: {own}. Click one to see it.")


def as_seq_of(value: Any) -> int | None:
    """Return a number of a notification from a DataFrame."""
    return None if null_to_none(value) is None else int(value)


def read_time() -> datetime | None:
    """Return the chosen time of the entity's state, in UTC; None for now, and with a step in the address."""
    return None if address.get("step") else address.read_moment("at")


def read_step_moment(entity: Entity) -> Moment | None:
    """Return the moment of the step in the address; None without one, or where it is no step of the entity."""
    step = as_seq(address.get("step"))
    rows = ask("notification", seq=step) if step is not None else pd.DataFrame()
    if step is None or rows.empty or not entity.has(rows.iloc[0]):
        return None
    at = to_moment(min(rows.iloc[0]["occurred_at"], rows.iloc[0]["received_at"]))
    return Moment(at, step) if at else None


def draw_entity_head(entity: Entity, facts: pd.Series, then: Moment | None) -> None:
    """Draw the entity's kind, its name as text, its state and standing at a moment or now, and the ways to others."""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium", key="entity-head"):
        with st.container(key="entity-name", gap=None):
            with st.container(key="detail-name", gap=None):
                by = f" · {find_sender(entity.sender).title}" if has_several_senders() else ""
                st.caption(f"{find_icon(entity.category, entity.sender)} {as_markdown(entity.kind_in_words + by)}")
                state = ask("notification", seq=as_seq_of(facts["seq_then" if then else "last_seq"]))
                saying = next(iter(read_sayings(state).values()), Saying())
                st.text(make_name_visible(saying.name_entity(entity.name)))
                draw_state_in_words(entity, state)
                with st.container(key="entity-alarm", horizontal=True, gap="small"):
                    if not facts["deleted_then" if then else "deleted"]:  # an alert may come after the deletion
                        draw_alarms(entity, then.at if then else None)
                if parts := describe_standing_at(facts, then.at) if then else describe_standing(facts):
                    draw_age_line(*parts, key="standing")
            if entity.is_account and (name := load_accounts().name_of(entity.name, entity.sender)):
                st.text(shorten(name, 200))
        draw_time_choice(read_time())
    with st.container(horizontal=True, gap="small", key="entity-links"):
        account = null_to_none(facts["account_alias"])
        as_account = find_account_kind(entity.sender)
        if account and (entity.category, entity.name) != (as_account, account):
            draw_account_button(account, "open-account", entity.sender)
        if entity.is_account and (above := load_accounts().find_parent(entity.name, entity.sender)):
            draw_name_button(
                f"Parent {find_account_word(entity.sender)}", above, as_account, "open-parent", sender=entity.sender
            )
        st.button(
            "Find another", key="find-another", on_click=going.to_page, args=("entity",), icon=":material/search:"
        )


def describe_first(first: datetime | None) -> str:
    """Return when the entity was first seen; empty where earlier notifications may have been dropped."""
    return "" if read_freshness().lacks(first) else f"; first seen {format_with_zone(first)}"


def draw_state_in_words(entity: Entity, rows: pd.DataFrame) -> None:
    """Draw who or what the entity is and its state after a notification, where its sender's bodies tell it."""
    # A fixed place, so that a state that comes later moves nothing in the browser's tree.
    with st.container(key="entity-state"):
        if len(rows):
            body = parse_payload(str(rows.iloc[0]["payload"]))
            words = find_sender(entity.sender).describe_state(entity.category, body)
            if text := " · ".join(shorten(word, 120) for word in words if word):
                st.markdown(f"**{as_markdown(text)}**")


def describe_standing(facts: pd.Series) -> tuple[str | datetime, ...]:
    """Return the entity's standing and the times of its notifications, for a line with ages."""
    if not facts["steps"]:
        return ()
    last, first = to_moment(facts["last_own_at"]), to_moment(facts["first_at"])
    if last is None:
        return (f"known only from its alerts, since {format_with_zone(first)}",)
    latest = to_moment(facts["last_at"])
    later = f"; latest alert {format_with_zone(latest)}" if latest and latest > last else ""
    state = "deleted," if facts["deleted"] else "state as of" if later else "as of its latest notification,"
    return f"{state} {format_with_zone(last)}, ", last, f"{later}{describe_first(first)}"


def describe_standing_at(facts: pd.Series, at: datetime) -> tuple[str | datetime, ...]:
    """Return the entity's standing at a moment, for a line with ages."""
    if not facts["steps"]:
        return ()
    last, first = to_moment(facts["then_at"]), describe_first(to_moment(facts["first_at"]))
    then = "" if last == at else f"at {format_with_zone(at)}: "
    if last is None:
        known = "is here" if read_freshness().lacks(at) else "was known"
        return (f"{then}no state {known}{first}",)
    state = "deleted," if facts["deleted_then"] else "state as of"
    return f"{then}{state} {format_with_zone(last)}, ", last, first


def draw_time_choice(at: datetime | None) -> None:
    """Draw the choice of the time of the entity's state."""
    zone = find_viewer_zone()
    # The field knows minutes; the address may be finer, and stays so while nobody types.
    value = at.astimezone(zone).replace(tzinfo=None, second=0, microsecond=0) if at else None
    address.show_in_field("at-choice", value)

    def remember() -> None:
        chosen: datetime | None = st.session_state["at-choice"]
        at = format_seconds(chosen.replace(tzinfo=zone)) if chosen else None
        address.put(at=at, step=None, page=None, until=None)

    st.datetime_input(
        name_with_zone("As it was at"),
        None,
        min_value=EARLIEST,
        max_value=LATEST,
        key="at-choice",
        on_change=remember,
        format="YYYY-MM-DD",
        step=60,
        width=250,
    )


def draw_without_notifications(entity: Entity) -> None:
    """Say that the entity has no notification, and draw other facts about it."""
    with st.container(key="nothing", border=True):
        st.subheader("No notification about it", anchor=False)
        if entity.is_account:
            kind = as_markdown(entity.kind_in_words)
            st.caption(f"No {kind} notification about it has arrived, so at most its alias is known.")
        elif entity.is_person:
            kind = as_markdown(entity.category)
            st.caption(f"No {kind} notification about it has arrived. Below are its actions, if any names it.")
        else:
            st.caption("It is not in the store that this dashboard reads, or not under this name.")
    if entity.is_account:
        draw_parts_of_account(entity)
    if entity.is_person:
        draw_acts_of_user(entity)
    draw_findings_about(entity)
