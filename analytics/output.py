"""Where a command's data goes: to standard output, or to a file that appears under its name when it is whole."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, cast

from analytics.errors import OutputError
from analytics.terminal import TerminalOutput


def is_standard(output: Path | None) -> bool:
    """Tell whether `-o` names standard output: by `-`, or by not being given."""
    return output is None or str(output) == "-"


@contextmanager
def opened(output: Path | None) -> Iterator[IO[bytes]]:
    """Open where the answer goes; a file appears under its name only when it is whole.

    Raises:
        OutputError: the file can't be written.
    """
    if output is None or is_standard(output):
        try:
            out: IO[bytes] = sys.stdout.buffer
            yield cast("IO[bytes]", TerminalOutput(out)) if sys.stdout.isatty() else out
            sys.stdout.buffer.flush()
        except BrokenPipeError:
            # Whoever read the output has enough of it; what is still buffered must not raise again at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return
    direct = output.exists() and not output.is_file()
    part = output if direct else output.with_name(f".{output.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as file:
            yield file
        if not direct:
            part.replace(output)
    except OSError as error:
        raise OutputError(f"{output} can't be written: {error.strerror or error}.") from error
    finally:
        if not direct:
            with suppress(OSError):
                part.unlink(missing_ok=True)
