"""Options that several commands have: which notifications, and where from."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

import click

from analytics import senders

EXAMPLES = senders.examples()
F = TypeVar("F", bound=Callable[..., Any])

event_option = click.option(
    "--event",
    "events",
    multiple=True,
    metavar="NAME",
    type=click.Choice([*senders.event_types(), *senders.categories()], case_sensitive=False),
    help=f"Only this event ({EXAMPLES.event}), or a category with all its events ({EXAMPLES.category}); repeatable.",
)
account_option = click.option(
    "--account", "accounts", multiple=True, metavar="ALIAS", help="Only notifications of this account; repeatable."
)
location_option = click.option("--location", help="Query service URL or DuckDB file instead of the receiver's.")

output_option = click.option(
    "-o", "--output", type=click.Path(path_type=Path), help="Write to a new file; its suffix says the format."
)
overwrite_option = click.option("--overwrite", is_flag=True, help="Let -o replace a file that exists.")


def event_types_of(names: Iterable[str]) -> list[str] | None:
    """Return the event types that names of events and categories stand for, None for no names.

    A category stands for itself too: it is what a notification has whose action is not known.
    """
    found: dict[str, None] = {}
    for name in names:
        found[name] = None
        found.update((event, None) for event in senders.event_types_of({name}))
    return list(found) or None


def aliases_of(names: Iterable[str]) -> list[str] | None:
    """Return account aliases in upper case, as they are stored, None for no names."""
    return [name.upper() for name in names] or None
