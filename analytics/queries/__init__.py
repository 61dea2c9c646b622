"""The queries: one SQL file each, beside its caller; a part is left out where its parameter is None.

A query gets the senders' knowledge by calls of macros, such as `kind_of(category)`. The query service takes no macros,
and DuckDB files have none of ours, so each call is replaced by its SQL. Two parameters are set by what the store has:
`several`, where it has notifications of more than one sender, and `described`, where it has some of a sender that it
describes. So a store with one sender is asked nothing about senders.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any, NamedTuple

from analytics.senders import (
    find_place,
    has_described,
    has_several_senders,
    has_upper_case,
    is_account,
    list_categories_of,
    list_heard,
    list_kinds,
    list_shipped,
    read_edition,
)

INCLUDE = re.compile(r"^[ \t]*-- include (\w+\.sql)((?: -- if \$\w+)*)[ \t]*\n", re.MULTILINE)
CONDITIONS = re.compile(r"(?: -- if \$\w+)+$")
PARAMETER = re.compile(r"\$(\w+)")
WIDENED = {letter: letter.upper() for letter in map(chr, range(0x10000)) if len(letter.upper()) > 1}
"""The letters that are several in upper case, such as ß, with these. DuckDB's `upper` makes one of each."""
OTHERS = frozenset({"rules", "shipped_queries", "profiles", "views"})
"""Folders with SQL that other modules read."""


def as_literal(value: str) -> str:
    """Return a text as a literal of SQL."""
    return "'" + value.replace("'", "''") + "'"


def make_condition(argument: str, names: Iterable[str]) -> str:
    """Return the condition that a column is one of some texts."""
    listed = ", ".join(map(as_literal, names))
    return f"{argument} IN ({listed})" if listed else "false"


def kind_of(category: str) -> str:
    """Return SQL for the kind of entity of a category's notifications."""
    cases = [
        f"WHEN {as_literal(also)} THEN {as_literal(kind.name)}" for kind in list_kinds().values() for also in kind.also
    ]
    return f"CASE {category} {' '.join(cases)} ELSE {category} END" if cases else category


def has_state(category: str) -> str:
    """Return SQL that says whether notifications of a category hold the state of their entity."""
    return "NOT " + make_condition(category, (also for kind in list_kinds().values() for also in kind.also))


def is_account_kind(category: str) -> str:
    """Return SQL that says whether a category is that of accounts."""
    return make_condition(category, filter(is_account, list_kinds()))


def is_of_account(category: str) -> str:
    """Return SQL that says whether a category's entities belong to an account and are none themselves."""
    return make_condition(category, (name for name in list_kinds() if not is_account(name)))


def has_place(category: str) -> str:
    """Return SQL that says whether the names of a category's entities give their place."""
    where = find_place()
    return make_condition(category, sorted(list_categories_of(where.kind)) if where else ())


def place_of(name: str) -> str:
    """Return SQL for the place at the begin of such an entity's name."""
    where = find_place()
    return f"left({name}, {where.characters})" if where else "NULL"


def is_place(name: str) -> str:
    """Return SQL that says whether a text is the name of a place."""
    where = find_place()
    return f"regexp_full_match({name}, {as_literal(where.pattern)})" if where else "false"


def what_a_place_is(_: str) -> str:
    """Return SQL for the word for a place."""
    where = find_place()
    return as_literal(where.name) if where else "NULL"


def is_shipped(sender: str) -> str:
    """Return SQL that says whether a sender has a folder here, so that the store need not describe it."""
    return make_condition(sender, (each.name for each in list_shipped()))


def as_entity_id(name: str) -> str:
    """Return SQL for a name in upper case as the store has it in `entity_id`, where `groß` is `GROSS`.

    DuckDB's own `upper` makes all of a name in ASCII, because that takes less time.
    """
    letters, widened = (as_literal(" ".join(each)) for each in (WIDENED, WIDENED.values()))
    return (
        f"CASE WHEN strlen({name}) = length({name}) THEN upper({name}) ELSE array_to_string(list_transform("
        f"regexp_extract_all({name}, '(?s).'), lambda letter: coalesce(map(string_split({letters}, ' '), "
        f"string_split({widened}, ' '))[letter], upper(letter))), '') END"
    )


def tell_outside_hours(moment: str) -> str:
    """Return SQL for a sentence that tells the local time of a moment outside working hours; NULL within them."""
    return " ".join(read("outside_hours").split()).replace("moment", moment)


def in_any_case(name: str) -> str:
    """Return SQL for a name in which no letter tells its case: that of `groß` is that of `GROSS`."""
    return f"lower({as_entity_id(name)})"


def user_of(actor: str) -> str:
    """Return SQL for an actor's name as that of the user: in one letter case for a sender whose names have none.

    The column `sender` is read only where the store has senders of both ways.
    """
    upper = as_entity_id(actor)
    ways = {has_upper_case(sender.name) for sender in list_heard()}
    if ways == {True, False}:
        return f"CASE WHEN {is_shipped('sender')} THEN {upper} ELSE {actor} END"
    return upper if ways == {True} else actor


def account_of(alias: str) -> str:
    """Return SQL for what tells an account apart: its alias, beside its sender where the store has several."""
    return f"(sender, {alias})" if has_several_senders() else alias


def has_part(column_and_part: str) -> str:
    """Return the condition that a column, such as `actor, $part`, has a text as a part, in any letter case.

    `ILIKE` leaves little for the exact comparison, which takes longer: all such texts in ASCII, and a few more, because
    `_` and `%` stand for other letters in its pattern.
    """
    column, part = column_and_part.split(", ")
    folded = in_any_case(part)
    may_have = f"{column} ILIKE '%' || {folded} || '%' OR strlen({column}) <> length({column})"
    return f"({may_have}) AND contains({in_any_case(column)}, {folded})"


def is_named(text: str) -> str:
    """Return the condition that an entity's name is a text: in any letter case where names of its sender have none.

    DuckDB passes over the parts of the table that can't have the text or its upper case.
    """
    upper = as_entity_id(text)
    its_own = f"CASE WHEN {is_shipped('sender')} THEN {upper} ELSE {text} END"
    return f"entity_id IN ({upper}, {text}) AND entity_id = {its_own}"


MACROS: dict[str, Callable[[str], str]] = {
    "kind_of": kind_of,
    "has_state": has_state,
    "is_account": is_account_kind,
    "is_of_account": is_of_account,
    "has_place": has_place,
    "place_of": place_of,
    "is_place": is_place,
    "what_a_place_is": what_a_place_is,
    "is_shipped": is_shipped,
    "as_entity_id": as_entity_id,
    "tell_outside_hours": tell_outside_hours,
    "in_any_case": in_any_case,
    "user_of": user_of,
    "account_of": account_of,
    "has_part": has_part,
    "is_named": is_named,
}
CALL = re.compile(rf"\b({'|'.join(MACROS)})\(")
CALL_IN_RULE = re.compile(r"\b(as_entity_id|tell_outside_hours)\(")
"""A call in a rule, of a macro that needs no knowledge of senders."""


class Query(NamedTuple):
    """SQL with the values of its parameters."""

    sql: str
    parameters: dict[str, Any]


def read(name: str) -> str:
    """Return the text of `name`.sql in whatever folder; a line `-- include other.sql` is replaced by that file's lines.

    The conditions of such a line are those of each line that takes its place.

    Raises:
        KeyError: there is no such file.
    """
    return _read(name, read_edition())


@cache
def _read(name: str, _edition: int) -> str:
    text = find_places()[name].read_text(encoding="utf-8")
    return expand(INCLUDE.sub(_include, text))


def _include(match: re.Match[str]) -> str:
    lines = read(match[1].removesuffix(".sql")).splitlines()
    return "".join(f"{line}{match[2]}\n" for line in lines)


def expand(sql: str, begin: re.Pattern[str] = CALL) -> str:
    """Return SQL with each macro's call replaced, of which `begin` finds the begin.

    Raises:
        ValueError: a call does not end.
    """
    call = begin.search(sql)
    if call is None:
        return sql
    depth, end = 1, call.end()
    while depth:
        if end == len(sql):
            raise ValueError(f"The call of {call[1]} does not end.")
        depth += {"(": 1, ")": -1}.get(sql[end], 0)
        end += 1
    argument = expand(sql[call.end() : end - 1], begin)
    return sql[: call.start()] + MACROS[call[1]](argument) + expand(sql[end:], begin)


def make_query(name: str, values: Mapping[str, Any]) -> Query:
    """Return the query `name` for these values.

    A line that ends in `-- if $parameter` is left out where that parameter, or one of several, is None or missing, so
    the query reads a filter's column only with that filter. Values that the query does not use are left out too.

    Raises:
        KeyError: a parameter that the query needs has no value.
    """
    are_several = has_several_senders() or any(map(values.get, ("sender", "without_senders")))
    values = {"several": are_several or None, "described": has_described() or None, **values}
    lines = []
    for line in read(name).splitlines():
        conditions = CONDITIONS.search(line)
        if conditions is None:
            lines.append(line)
        elif all(values.get(name) is not None for name in PARAMETER.findall(conditions[0])):
            lines.append(line[: conditions.start()])
    sql = "\n".join(line for line in lines if not line.lstrip().startswith("--"))
    return Query(sql, {parameter: values[parameter] for parameter in sorted(set(PARAMETER.findall(sql)))})


@cache
def find_places() -> dict[str, Traversable]:
    """Return the queries' files by name."""
    return {file.name.removesuffix(".sql"): file for file in list_sql_files(files("analytics"))}


def list_sql_files(folder: Traversable) -> Iterator[Traversable]:
    """Yield the queries' files in a folder and its subfolders."""
    for entry in folder.iterdir():
        if entry.is_dir() and entry.name not in OTHERS:
            yield from list_sql_files(entry)
        elif entry.name.endswith(".sql"):
            yield entry
