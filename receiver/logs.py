"""Log lines, one for each event, without payloads and personal data; and text that is safe for a terminal."""

import json
import logging
import re
import sqlite3
import sys
import threading
import traceback
import unicodedata
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Literal

from receiver.errors import ReceiverError

LogFormat = Literal["text", "json"]

_OWN = ("receiver", "__main__")
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
# Their texts name files, addresses and the system's reasons. DuckDB's other errors quote the values they refuse.
_TELLING = (OSError, sqlite3.Error, ReceiverError)
_TELLING_OF_DUCKDB = frozenset({"IOException", "OutOfMemoryException", "TransactionException", "ConnectionException"})

# Characters of these categories move a cursor, change a colour, or hide others.
_HIDDEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}
# Letters, signs and marks of others draw nothing: fillers, and those that choose a form of the sign before them.
_BLANK = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]")
_PLAIN = 0x10000

_log = logging.getLogger(__name__)


def set_up_logging(process: str, log_format: LogFormat = "text") -> None:
    """Log to stderr, uncaught errors too.

    Args:
        process: this process's name in each line.
        log_format: `text`, or `json` for one object per line with `time`, `level`, `process`, `message` and fields.
    """
    handler = logging.StreamHandler()
    handler.setFormatter(_JsonLines(process) if log_format == "json" else _TextLines(process))
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    logging.captureWarnings(capture=True)
    # Metrics count requests, also strangers' malformed ones; a line for each would hide what an operator must see.
    logging.getLogger("tornado.access").setLevel(logging.ERROR)
    logging.getLogger("tornado.general").setLevel(logging.WARNING)
    sys.excepthook = _log_uncaught
    threading.excepthook = _log_uncaught_of_thread


def describe(error: BaseException) -> str:
    """Describe an error without quoting data: by its text only if errors of its type never hold data."""
    kind = type(error)
    by_duckdb = "duckdb" in kind.__module__ and kind.__name__ in _TELLING_OF_DUCKDB
    text = _join_lines(str(error)) if isinstance(error, _TELLING) or by_duckdb else ""
    return text or kind.__name__


def make_visible(text: str) -> str:
    r"""Spell characters that draw nothing, such as controls, as escapes (`\u0085`); line feeds and tabs stay."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_escape(each) if _is_hidden(each) else each for each in text)


def _is_hidden(character: str) -> bool:
    if _BLANK.match(character):
        return True
    return character not in "\n\t" and unicodedata.category(character) in _HIDDEN


def _escape(character: str) -> str:
    code = ord(character)
    return f"\\u{code:04x}" if code < _PLAIN else f"\\U{code:08x}"


class _Lines(logging.Formatter):
    def __init__(self, process: str) -> None:
        super().__init__()
        self._process = process

    def _write_message(self, record: logging.LogRecord) -> str:
        """Write the message; other libraries' messages may quote data, so only their templates are kept."""
        if record.name.split(".")[0] in _OWN:
            message = _join_lines(_interpolate(record))
        elif record.name == "asyncio":
            message = "the event loop met an error that nobody handled"
        else:
            message = f"{record.name}: {_join_lines(str(record.msg).partition(chr(10))[0])}"
        error = record.exc_info[1] if record.exc_info else None
        return f"{message} ({describe(error)}; {_name_places(error)})" if error else message

    def _format_time(self, record: logging.LogRecord) -> str:
        return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")

    def _list_fields(self, record: logging.LogRecord) -> dict[str, object]:
        return {name: value for name, value in vars(record).items() if name not in _STANDARD}


class _TextLines(_Lines):
    def format(self, record: logging.LogRecord) -> str:
        return f"{self._format_time(record)} {record.levelname} {self._process}: {self._write_message(record)}"


class _JsonLines(_Lines):
    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": self._format_time(record),
            "level": record.levelname.lower(),
            "process": self._process,
            "message": self._write_message(record),
        }
        return json.dumps(line | self._list_fields(record), default=str)


def _interpolate(record: logging.LogRecord) -> str:
    """Write a message of our own; errors in it are described."""
    if isinstance(record.msg, BaseException):
        return describe(record.msg)
    arguments = record.args
    if isinstance(arguments, tuple):
        arguments = tuple(
            describe(argument) if isinstance(argument, BaseException) else argument for argument in arguments
        )
    return str(record.msg) % arguments if arguments else str(record.msg)


def _join_lines(text: str) -> str:
    return " ".join(text.split())


def _name_places(error: BaseException) -> str:
    """Name the places that an error came through, the innermost last, without the code in them."""
    frames = traceback.extract_tb(error.__traceback__)
    return " > ".join(f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames)


def _log_uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if not issubclass(kind, KeyboardInterrupt):
        _log.critical("the process ends by an error that nobody handled", exc_info=(kind, error, trace))


def _log_uncaught_of_thread(args: threading.ExceptHookArgs) -> None:
    error = args.exc_value or args.exc_type()
    _log.critical("a thread ends by an error that nobody handled", exc_info=(args.exc_type, error, args.exc_traceback))
