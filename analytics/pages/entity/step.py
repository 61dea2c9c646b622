"""One step of an entity: what it changed, field by field, and the body it left."""

from typing import Any

import streamlit as st

from analytics.pages.entity.timeline import Entity, open_step, position_of
from analytics.pages.shared import address, go
from analytics.pages.shared.again import again
from analytics.pages.shared.answers import if_answered
from analytics.pages.shared.components.script import age_line
from analytics.pages.shared.detail import facts, payload_views, verdict
from analytics.pages.shared.difference import difference
from analytics.pages.shared.store import ask, known, moment
from analytics.pages.shared.told import event_text
from analytics.pages.shared.zone import with_zone
from analytics.senders import has_state
from analytics.text import as_markdown, short


def step_panel(entity: Entity, seq: int, *, steps: int, latest: bool) -> None:
    """Draw the step: when, who, what changed, and the body."""
    found = ask("notification", seq=seq)
    with st.container(key="detail", border=True, gap="small"):
        if found.empty:
            st.text(f"Notification {seq} is not in the store.")
            return
        row = found.iloc[0]
        if row["entity_id"] != entity.name or row["category"] not in entity.categories:
            st.text(f"Notification {seq} is not about this {entity.category.lower()}.")
            return
        step_head(entity, row, steps=steps, latest=latest)
        verdict(row["signature_status"])
        if known(row["actor"]):
            label = f"By {as_markdown(short(str(row['actor']), 60))}"
            st.button(label, key="open-actor", on_click=go.to_actor, args=(row["actor"],), icon=":material/person:")
        with st.container(horizontal=True, gap="small", key="step-evidence"):
            where = (int(row["seq"]),)
            st.button("Its notification", key="open-notification", on_click=go.to_notification, args=where,
                      icon=":material/mail:")  # fmt: skip
            again(row)
        difference(row)
        st.caption("Its body, as this notification told it" if has_state(row["category"]) else "The alert")
        payload_views(row["payload"])
        with st.popover("More", icon=":material/info:", key="step-more"):
            facts(
                [
                    ("Received", with_zone(moment(row["received_at"]))),
                    ("From address", known(row["source_ip"])),
                    ("Number", row["seq"]),
                    ("Id", row["id"]),
                ]
            )


def step_head(entity: Entity, row: Any, *, steps: int, latest: bool) -> None:
    """Draw what the step is, and the ways to those before and after it."""
    position = position_of(entity, int(row["seq"]))

    @if_answered
    def to(place: int) -> None:
        rows = ask("entity_notifications", page_rows=1, position=place, **entity.values)
        if len(rows):
            open_step(str(rows.iloc[0]["seq"]))
            address.put(page=None)

    occurred = moment(row["occurred_at"])
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="step-head"):
        st.text(event_text(row))
        st.space("stretch")
        st.button("Earlier", key="step-earlier", on_click=to, args=(position + 1,), disabled=position + 1 >= steps,
                  icon=":material/arrow_back:")  # fmt: skip
        st.button("Later", key="step-later", on_click=to, args=(position - 1,), disabled=position <= 0,
                  icon=":material/arrow_forward:")  # fmt: skip
        st.button("Now", key="step-now", on_click=to_now, disabled=latest, icon=":material/last_page:")
    said = f"step {steps - position:,} of {steps:,}, {with_zone(occurred)}, "
    age_line(said, occurred, ", the latest" if latest else None, key="step-when")


def to_now() -> None:
    """Look at the entity as it is now."""
    address.put(step=None, at=None, page=None)
