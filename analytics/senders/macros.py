"""Macros of queries: the senders' knowledge as SQL, written once; `analytics.queries` replaces each call.

The query service takes no macros, and DuckDB files have none of ours, so they become part of a query's text.
"""

from collections.abc import Callable, Iterable

from analytics.senders import categories_of, is_account, kinds, place


def text(value: str) -> str:
    """Return a text as a literal of SQL."""
    return "'" + value.replace("'", "''") + "'"


def one_of(argument: str, names: Iterable[str]) -> str:
    """Return the condition that a column is one of some texts."""
    listed = ", ".join(map(text, names))
    return f"{argument} IN ({listed})" if listed else "false"


def kind_of(category: str) -> str:
    """Return SQL for the kind of entity of a category's notifications."""
    cases = [f"WHEN {text(also)} THEN {text(kind.name)}" for kind in kinds().values() for also in kind.also]
    return f"CASE {category} {' '.join(cases)} ELSE {category} END" if cases else category


def has_state(category: str) -> str:
    """Return SQL that says whether notifications of a category hold the state of their entity."""
    return "NOT " + one_of(category, (also for kind in kinds().values() for also in kind.also))


def is_account_kind(category: str) -> str:
    """Return SQL that says whether a category is that of accounts."""
    return one_of(category, filter(is_account, kinds()))


def is_of_account(category: str) -> str:
    """Return SQL that says whether a category's entities belong to an account and are none themselves."""
    return one_of(category, (name for name in kinds() if not is_account(name)))


def has_place(category: str) -> str:
    """Return SQL that says whether the names of a category's entities give their place."""
    where = place()
    return one_of(category, sorted(categories_of(where.kind)) if where else ())


def place_of(name: str) -> str:
    """Return SQL for the place at the begin of such an entity's name."""
    where = place()
    return f"left({name}, {where.characters})" if where else "NULL"


def is_place(name: str) -> str:
    """Return SQL that says whether a text is the name of a place."""
    where = place()
    return f"regexp_full_match({name}, {text(where.pattern)})" if where else "false"


def what_a_place_is(_: str) -> str:
    """Return SQL for the word for a place."""
    where = place()
    return text(where.name) if where else "NULL"


MACROS: dict[str, Callable[[str], str]] = {
    "kind_of": kind_of,
    "has_state": has_state,
    "is_account": is_account_kind,
    "is_of_account": is_of_account,
    "has_place": has_place,
    "place_of": place_of,
    "is_place": is_place,
    "what_a_place_is": what_a_place_is,
}
