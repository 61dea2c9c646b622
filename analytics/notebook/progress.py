"""What a notebook shows while a query runs: for how long it does, and how to end it."""

import sys
import threading
import time
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from IPython.display import display

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

BEGINS_SECONDS = 0.5
EVERY_SECONDS = 0.5


class Line:
    """Text shown in place of text: what it answers to `repr` is what IPython prints."""

    def __init__(self, text: str) -> None:
        """Show this text."""
        self.text = text

    def __repr__(self) -> str:
        """Return the text."""
        return self.text


class Progress:
    """Tells while a block runs how long it has; nothing of one that is quick. `done` is what came out of it."""

    def __init__(self, shell: "InteractiveShell | None") -> None:
        """Tell it to this shell's user."""
        self.done = ""
        self._in_kernel = hasattr(shell, "kernel")
        self._handle: Any = None
        self._shown = 0
        self._ended = threading.Event()
        self._teller = threading.Thread(target=self._tell, daemon=True)

    def __enter__(self) -> Self:
        """Begin."""
        self._began = time.monotonic()
        self._teller.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End, and say how long it took if anything was said before."""
        self._ended.set()
        self._teller.join()
        if self._shown:
            took = f"{time.monotonic() - self._began:.1f} s"
            self._say(f"{self.done} in {took}" if kind is None else f"Ended after {took}", last=True)

    def _tell(self) -> None:
        wait = BEGINS_SECONDS
        while not self._ended.wait(wait):
            self._say(f"Running for {time.monotonic() - self._began:.0f} s; interrupting the kernel ends the query.")
            wait = EVERY_SECONDS

    def _say(self, text: str, *, last: bool = False) -> None:
        if self._in_kernel:
            if self._handle is None:
                self._handle = display(Line(text), display_id=True)  # type: ignore[no-untyped-call]
            else:
                self._handle.update(Line(text))
        elif sys.stderr.isatty():
            sys.stderr.write("\r" + text.ljust(self._shown) + ("\n" if last else ""))
            sys.stderr.flush()
        self._shown = max(self._shown, len(text))
