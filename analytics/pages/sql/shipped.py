"""The queries that come with the product: SQL that answers what is often asked, each explained in its first lines."""

import re
from functools import cache
from importlib.resources import files
from typing import NamedTuple

LARGEST_HEADER = re.compile(r"\A((?:--[^\n]*\n)+)")


class Shipped(NamedTuple):
    """A query: its file's name, what it is called, what it tells, and its whole text, with the comment above it."""

    name: str
    title: str
    tells: str
    sql: str


def parsed(name: str, text: str) -> Shipped:
    """Return the query of a file whose comment above has the title in its first line and what it tells in the others.

    Raises:
        ValueError: there is no such comment.
    """
    header = LARGEST_HEADER.match(text)
    lines = [line.removeprefix("--").strip() for line in header[1].splitlines()] if header else []
    if len(lines) < 2:  # noqa: PLR2004 - the title and what it tells
        raise ValueError(f"{name}.sql needs a title, and what it tells, in comments above its SQL.")
    return Shipped(name, lines[0].rstrip("."), " ".join(lines[1:]), text.strip())


@cache
def shipped_queries() -> tuple[Shipped, ...]:
    """Return all of them, by title."""
    folder = files(__package__) / "shipped_queries"
    found = [entry for entry in folder.iterdir() if entry.name.endswith(".sql")]
    read = [parsed(entry.name.removesuffix(".sql"), entry.read_text(encoding="utf-8")) for entry in found]
    return tuple(sorted(read, key=lambda one: one.title))
