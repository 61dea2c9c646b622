"""`clc-receiver simulate` at the terminal: reads its options, and shows its progress.

Each option is checked, and None where it is not given. Progress is a bar or a changing line on a terminal, else a line
a second; on stderr.
"""

import sys
import time
from datetime import UTC, datetime
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

import click

from receiver.senders import CENTURYLINK
from receiver.simulator import MADE_UP

REDRAW_SECONDS = 0.1
LINE_SECONDS = 1.0


def read_base_url(_context: click.Context, _option: click.Parameter, text: str | None) -> str | None:
    """Return a receiver's base URL, after a check that it is one."""
    if text is None:
        return None
    try:
        parts = urlsplit(text)
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        usable = False
    if not usable or parts.query or parts.fragment:
        raise click.BadParameter(f"{text!r} is not a receiver's base URL such as http://127.0.0.1:8080.")
    return text


def read_event_type(_context: click.Context, _option: click.Parameter, text: str | None) -> str | None:
    """Return the event type of an event's name, in any letter case."""
    if text is None:
        return None
    event = CENTURYLINK.find_event_by_name(text)
    if event is None or event.event_type is None:
        names = ", ".join(str(event.event_type) for event in CENTURYLINK.events)
        raise click.BadParameter(f"{text!r} is not one of the ten events: {names}.")
    return event.event_type


def read_alias(_context: click.Context, _option: click.Parameter, text: str | None) -> str | None:
    """Return an account's alias, in upper case."""
    if text is None:
        return None
    try:
        return MADE_UP.read_account(text)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


def read_time(_context: click.Context, _option: click.Parameter, text: str | None) -> float | None:
    """Return an ISO time in seconds since 1970; without a zone it is UTC."""
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise click.BadParameter(f"{text!r} is not an ISO time such as 2015-09-22T14:38:27Z.") from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


class Progress:
    """A context manager whose `update` may be called at any rate."""

    def __init__(self, label: str, length: int | None, *, quiet: bool = False) -> None:
        """Prepare for `length` steps, None where there is no end."""
        self._label = label
        self._length = length
        self._quiet = quiet
        self._terminal = bool(sys.stderr) and sys.stderr.isatty()
        self._began = self._shown = time.monotonic()
        self._done = self._drawn = 0
        self._bar = (
            click.progressbar(length=length, label=label, file=sys.stderr, show_pos=True)
            if length and self._terminal and not quiet
            else None
        )

    def __enter__(self) -> Self:
        """Begin."""
        if self._bar:
            self._bar.__enter__()
        return self

    def update(self, done: int) -> None:
        """Show that so many steps are done, if it is time for it."""
        self._done = done
        if self._quiet:
            return
        if time.monotonic() - self._shown >= (REDRAW_SECONDS if self._bar else LINE_SECONDS):
            self._draw()

    def complete(self, done: int) -> None:
        """Show that all is done, and how many steps it took: their number was only estimated."""
        self._done = self._length = done
        if self._bar:
            self._bar.length = done
        if not self._quiet:
            self._draw()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """End the bar or the line."""
        if self._bar:
            self._draw()
            self._bar.__exit__(kind, error, traceback)
        elif self._drawn and self._terminal:
            click.echo(err=True)

    def _draw(self) -> None:
        self._shown = time.monotonic()
        if self._bar:
            self._bar.update(self._done - self._drawn)
        else:
            of = f" of {self._length:,}" if self._length else ""
            rate = self._done / (self._shown - self._began)
            line = f"{self._label}: {self._done:,}{of}, {rate:,.1f}/s"
            click.echo(f"\r{line}\x1b[K" if self._terminal else line, nl=not self._terminal, err=True)
        self._drawn = self._done
