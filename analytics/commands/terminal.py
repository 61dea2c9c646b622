"""Standard output where it is a terminal: whatever is stored, no control character reaches it."""

import io
from typing import IO, Any

from analytics.text import LINES, visible


class TerminalOutput(io.BufferedIOBase):
    """Writes UTF-8 text to a terminal, with control and formatting characters spelled as escapes.

    Args:
        out: the terminal.
    """

    def __init__(self, out: IO[bytes]) -> None:
        super().__init__()
        self._out = out

    def writable(self) -> bool:
        """Return true, as an `io.TextIOWrapper` asks for it."""
        return True

    def write(self, data: Any, /) -> int:
        """Write whole characters; return how many bytes were taken."""
        given = bytes(data)
        # Rows of CSV end like this; a carriage return by itself would let a field write over what stands before it.
        text = given.decode("utf-8", "replace").replace("\r\n", "\n")
        self._out.write(visible(text, LINES).encode())
        return len(given)

    def flush(self) -> None:
        """Pass on what the terminal's own buffer holds."""
        self._out.flush()
