"""The filters of the page Audit; all of them are in the page's address."""

import re
from collections import Counter
from collections.abc import Iterable
from typing import Any

import streamlit as st

from analytics.findings.rule_files import SEVERITIES, load_rules
from analytics.pages.shared import address
from analytics.pages.shared.changes import KIND_TEXTS
from analytics.pages.shared.filters import (
    NAME_HINT,
    choose_account,
    choose_sender,
    draw_chips,
    draw_filters,
    list_chips,
    list_sender_chips,
    read_sender,
)
from analytics.pages.shared.leafing import to_first_pages
from analytics.senders import describe_any_entity, find_examples, list_senders, list_titles
from analytics.settings import read_settings

FILTERS: dict[str, Any] = {
    "severity": [],
    "rule": [],
    "entity": "",
    "actor": "",
    "kind": [],
    "field": "",
    "noise": False,
}


def to_first() -> None:
    """Go to the first pages, up to now, because another filter makes other lists; note the chosen rules."""
    rules = ",".join(st.session_state.get("rule", []))
    address.put(**to_first_pages(), rule=rules or None)


def clear() -> None:
    """Remove all filters of the card; range and account have fields of their own."""
    st.session_state.update(FILTERS)
    to_first()


def choose_filters() -> dict[str, Any]:
    """Draw the filters, besides that of time, and return their values."""
    account = choose_account() | choose_sender()
    with draw_filters(FILTERS, clear):
        chosen = draw_card()
    texts = {
        "severity": ("Severity", ", ".join(chosen["severity"])),
        "rule": ("Rule", ", ".join(map(load_titles().__getitem__, chosen["rule"]))),
        "entity": ("Entity", chosen["entity"]),
        "actor": ("Actor", chosen["actor"]),
        "kind": ("Kind", ", ".join(chosen["kind"])),
        "field": ("Field", chosen["field"]),
        "noise": ("With", "noise" if chosen["noise"] else ""),
    }
    draw_chips([*list_sender_chips(), *list_chips(texts, FILTERS, to_first)])
    return {
        **account,
        "severities": chosen["severity"],
        "rules": chosen["rule"],
        "kinds": chosen["kind"] or None,
        "fields": list_patterns(chosen["field"]) or None,
        "entity": chosen["entity"] or None,
        "actor": chosen["actor"] or None,
        "without_noise": None if chosen["noise"] else True,
    }


def draw_card() -> dict[str, Any]:
    """Draw the fields of the card, by what they filter, and return their values by their names in the address."""
    bound: dict[str, Any] = {"bind": "query-params", "on_change": to_first}
    of_names = {**bound, "help": NAME_HINT}
    chosen: dict[str, Any] = {}
    st.caption("**Findings and changes**")
    chosen["entity"] = st.text_input("Entity contains", key="entity", placeholder=describe_any_entity(), **of_names)
    chosen["actor"] = st.text_input("Actor contains", key="actor", placeholder="who changed it", **of_names)
    st.caption("**Findings only**")
    chosen["severity"] = st.multiselect("Severity", SEVERITIES, key="severity", placeholder="Any severity", **bound)
    chosen["rule"] = choose_rules()
    st.caption("**Changes only**")
    chosen["kind"] = st.multiselect("Kinds of change", list(KIND_TEXTS), key="kind", placeholder="All kinds", **bound)
    chosen["field"] = st.text_input("Field contains", key="field", placeholder=find_examples().fields, **bound)
    chosen["noise"] = st.checkbox(
        "with noise",
        key="noise",
        help="Dates and names of the change itself, links, and fields that only the format added or dropped.",
        **bound,
    )
    return chosen


def choose_rules() -> list[str]:
    """Draw the choice of rules by their titles, and return the names of the chosen ones.

    Streamlit would write the titles into the address, which has the names.
    """
    by_name = load_titles()
    offered = list_offered()
    given = st.query_params.get_all("rule")
    names = given if len(given) > 1 else (address.get("rule") or "").split(",")
    chosen = [name for name in names if name in by_name]
    address.show("rule", chosen)
    return st.multiselect(
        "Rule",
        [name for name in by_name if name in offered or name in chosen],
        format_func=by_name.__getitem__,
        key="rule",
        placeholder="All rules",
        on_change=to_first,
    )


def list_offered() -> set[str]:
    """Return the rules that may find something: those of the chosen sender, or of all that the store has, and any's."""
    sender = read_sender()
    wanted = {sender} if sender else set(list_titles())
    return {rule.name for rule in load_rules(read_settings().rules).rules if rule.sender in {None, *wanted}}


def load_titles() -> dict[str, str]:
    """Return the titles of the rules that can be used, by their names; a title of several has the name beside it."""
    rules = load_rules(read_settings().rules).rules
    uses = Counter(rule.title for rule in rules)
    return {rule.name: rule.title if uses[rule.title] == 1 else f"{rule.title} ({rule.name})" for rule in rules}


def list_patterns(text: str) -> list[str]:
    """Return an expression for each word of a text that a field must contain, in its path or in its name in words."""
    return [f"(?i){'|'.join(list_patterns_of(word))}" for word in text.split()]


def list_patterns_of(word: str) -> Iterable[str]:
    """Yield the expressions that a word stands for: itself, and the keys whose names in words contain it."""
    yield re.escape(word)
    for sender in list_senders():
        for key, label in {**sender.wording.labels, **sender.wording.nouns}.items():
            if word.lower() in label.lower():
                yield rf"\b{re.escape(key)}\b"
