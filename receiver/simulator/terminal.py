"""The progress of `clc-receiver simulate`, on stderr, and its report.

Progress is a bar or a changing line on a terminal, else a line a second.
"""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
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
