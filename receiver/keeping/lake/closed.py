"""The changes of a month that the store can no longer derive, because it has dropped months.

Another store may have more of them, and wrote them: those that the lake has stay there.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from receiver.keeping.lake.manifest import LakeFile
from receiver.keeping.lake.parts import CHANGES, NO_ROWS, NOTIFICATIONS, LakeTable
from receiver.keeping.lake.place import CheckedRows, LakePlace, query_tables, sum_up, take_fingerprint
from receiver.keeping.lake.store import Fingerprint, StoredMonth

if TYPE_CHECKING:
    import pyarrow as pa

CLOSED_CHANGES = CHANGES._replace(of="closed")
OPEN_CHANGES = CHANGES._replace(of="open")
_CLOSED_NOTIFICATIONS = NOTIFICATIONS._replace(of="closed")


class ClosedChanges:
    """The changes of closed notifications: those of the lake, and of the store where the lake has none.

    Args:
        stored: the month as the store has it.
        place: where the lake is.
        files: the month's files of `changes` in the lake.
    """

    def __init__(self, stored: StoredMonth, place: LakePlace, files: Sequence[LakeFile]) -> None:
        self._stored = stored
        self._rows: pa.Table | None = None
        number = stored.take_fingerprint(_CLOSED_NOTIFICATIONS).rows
        if number:
            ids = stored.read_ids(_CLOSED_NOTIFICATIONS, number)
            self._rows = self._join(place.read_changes(ids, files) if files else None)

    def take_fingerprint(self) -> Fingerprint:
        """Return the fingerprint of all changes that the lake should have: these, and the others of the store."""
        if self._rows is None:
            return self._stored.take_fingerprint(CHANGES)
        others, these = self._stored.take_fingerprint(OPEN_CHANGES), take_fingerprint(self._rows, CHANGES)
        return Fingerprint(others.rows + self._rows.num_rows, str(int(others.fingerprint) + these))

    @property
    def others(self) -> LakeTable:
        """The changes that only the store tells."""
        return CHANGES if self._rows is None else OPEN_CHANGES

    def read(self) -> list[CheckedRows]:
        """Return them for a file of their own; nothing if there are none."""
        rows = self._rows
        return [CheckedRows(rows, sum_up(rows)[1])] if rows is not None and rows.num_rows else []

    def _join(self, there: "pa.Table | None") -> "pa.Table":
        import pyarrow as pa  # noqa: PLC0415 - half a second that others do not need

        parts = [part for part, _ in self._stored.find_parts(CLOSED_CHANGES)]
        here = pa.concat_tables([self._stored.read(CLOSED_CHANGES, part) for part in (NO_ROWS, *parts)])
        if there is None:
            return here
        return query_tables("closed_changes.sql", here=here, there=there)
