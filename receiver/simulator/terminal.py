"""The progress of `clc-receiver simulate`, on stderr, and its report.

Progress is a changing line on a terminal, else a line a second.
"""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Self

import click

from receiver.errors import SendError

REDRAW_SECONDS = 0.1
LINE_SECONDS = 1.0


@contextmanager
def open_report(path: Path | None) -> Iterator[IO[bytes] | None]:
    """Open a report, unbuffered, so that it has each line that was written, however the program ends.

    Raises:
        SendError: it can't be opened.
    """
    if path is None:
        yield None
        return
    if str(path) == "-":
        yield sys.stdout.buffer
        return
    try:
        file = path.open("wb", buffering=0)
    except OSError as error:
        raise SendError(f"The report {path} can't be written ({error.strerror}): name another file.") from None
    with file:
        yield file


class Progress:
    """A context manager whose `update` may be called at any rate."""

    def __init__(self, label: str, length: int | None, *, quiet: bool = False) -> None:
        """Prepare for `length` steps, None where there is no end."""
        self._label = label
        self._length = length
        self._quiet = quiet
        self._terminal = bool(sys.stderr) and sys.stderr.isatty()
        self._began = self._shown = time.monotonic()
        self._has_drawn = False

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def update(self, done: int) -> None:
        """Show that so many steps are done, if it is time for it."""
        if time.monotonic() - self._shown >= (REDRAW_SECONDS if self._terminal else LINE_SECONDS):
            self._draw(done)

    def complete(self, done: int) -> None:
        """Show that all is done, and how many steps it took: their number was only estimated."""
        self._length = done
        self._draw(done)

    def __exit__(self, *_: object) -> None:
        """End the line."""
        if self._has_drawn and self._terminal:
            click.echo(err=True)

    def _draw(self, done: int) -> None:
        if self._quiet:
            return
        self._shown, self._has_drawn = time.monotonic(), True
        of = f" of {self._length:,}" if self._length else ""
        line = f"{self._label}: {done:,}{of}, {done / (self._shown - self._began):,.1f}/s"
        click.echo(f"\r{line}\x1b[K" if self._terminal else line, nl=not self._terminal, err=True)
