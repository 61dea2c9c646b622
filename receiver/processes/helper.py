"""Shared by the processes that help the store: each prints JSON lines, the last of which says how its work ended."""

import contextlib
import json
import logging
import os
import sys
from collections.abc import Callable
from typing import Any

import duckdb

from receiver.errors import ReceiverError
from receiver.logs import describe, set_up_logging
from receiver.settings import Settings, read_passed_settings

_GIVES_WAY = 10
"""How much lower its priority is (`nice`)."""

_log = logging.getLogger(__name__)


def run_helper(name: str, work: Callable[[Settings], dict[str, Any]]) -> None:
    """Do a helper's work, print its last line, and end; the line has an `error` if the work failed.

    Args:
        name: of the process in the log.
        work: returns the last line.
    """
    os.nice(_GIVES_WAY)
    set_up_logging(name)
    try:
        settings = read_passed_settings()
        set_up_logging(name, settings.log_format)
        print_line(work(settings))
    except Exception as error:  # noqa: BLE001 - the store tells what this line says, and nothing else
        with contextlib.suppress(BrokenPipeError):  # the store is gone
            print_line({"error": _explain(error)})
        sys.exit(1)


def print_line(line: dict[str, Any]) -> None:
    """Print a line."""
    print(json.dumps(line), flush=True)  # noqa: T201 - the store reads it


def _explain(error: Exception) -> str:
    """Say why a work failed; an error that nobody foresaw is logged as a whole."""
    if isinstance(error, (ReceiverError, duckdb.Error, OSError)):
        return (str(error).splitlines() or [describe(error)])[0]
    _log.exception("an error in this program")
    return f"an error in this program ({describe(error)}): the log says where."
