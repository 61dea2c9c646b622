"""Rows as they lie in the shared spool: a segment's columns by name, with the segment's checksum.

Texts and ids are bytes there, and times are microseconds since 1970.
"""

from collections.abc import Sequence
from typing import Any

from receiver.notification import Column, Notification, Rejection, list_columns
from receiver.spool import KINDS, Row, SpooledRow
from receiver.spool.columns import DamagedRowError, make_damaged, pack, unpack
from receiver.spool.layout import SQLITE_TYPES

_TYPES = {"BLOB": "bytea", "TEXT": "bytea", "INTEGER": "int8"}
_COLUMNS: dict[str, Column] = {column.name: column for kind in KINDS for column in list_columns(kind)}
_NAMES = list(_COLUMNS)
_TEXTS = {name for name, column in _COLUMNS.items() if SQLITE_TYPES[column.type] == "TEXT"}
_OF_KIND: dict[str, tuple[str, ...]] = {"notifications": Notification._fields, "rejected": Rejection._fields}

SELECTED = ", ".join(_NAMES)
"""The columns of all kinds of rows, as a list for SQL."""
COPIED = ("segment", "kind", "position", "holds", *_NAMES, "checksum")
"""The columns that `to_copy` gives."""
COPIED_TYPES = (
    *("text", "text", "int8", "text"),
    *(_TYPES[SQLITE_TYPES[column.type]] for column in _COLUMNS.values()),
    "int8",
)
"""Their types."""


def to_copy(spooled: SpooledRow) -> list[Any]:
    """Return the values of a row to copy into the shared spool."""
    holds = KINDS[type(spooled.row)]
    _, *columns, checksum = pack(spooled.row, spooled.position)
    by_name = dict(zip(_OF_KIND[holds], columns, strict=True))
    return [
        spooled.segment,
        spooled.kind,
        spooled.position,
        holds,
        *(_to_bytes(by_name.get(name)) for name in _NAMES),
        checksum,
    ]


def make_row(segment: str, kind: str, selected: Sequence[Any]) -> SpooledRow:
    """Make a row of a segment from its position, what it holds, `SELECTED` and its checksum; check it again.

    A row that is not as it was written becomes a `Rejection`, as in a segment.
    """
    position, holds, *values, checksum = selected
    by_name = dict(zip(_NAMES, values, strict=True))
    try:
        columns = [_to_text(name, by_name[name]) for name in _OF_KIND[holds]]
        row: Row = unpack(holds, position, [position, *columns, checksum])
    except (DamagedRowError, UnicodeDecodeError, KeyError):  # what it holds may be wrong, too
        there = {name: _to_text(name, value, "surrogateescape") for name, value in by_name.items() if value is not None}
        held = "notifications" if "payload" in there else "rejected"
        row = make_damaged(segment, held, position, {"position": position, **there, "checksum": checksum})
    return SpooledRow(segment, kind, position, row)


def _to_bytes(value: Any) -> Any:
    return value.encode() if isinstance(value, str) else value


def _to_text(name: str, value: Any, errors: str = "strict") -> Any:
    return value.decode(errors=errors) if name in _TEXTS and value is not None else value
