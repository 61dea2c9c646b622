"""How much there is to check, and of which version."""

from typing import NamedTuple

from receiver.database.reading import Reader

_EXTENT = "SELECT count(*), coalesce(min(seq), 1) - 1, coalesce(max(seq), 0) FROM notifications"
_SCHEMA_VERSION = "SELECT max(version) FROM schema_version"


class Extent(NamedTuple):
    """How many notifications are stored, with a seq above `after` and up to `last`."""

    rows: int
    after: int
    last: int


def extent_of(reader: Reader) -> Extent:
    """Ask what is stored at this moment."""
    return Extent(*reader.rows(_EXTENT, [])[0])


def schema_version_of(reader: Reader) -> int:
    """Ask which version of the schema the store has."""
    return int(reader.rows(_SCHEMA_VERSION, [])[0][0])
