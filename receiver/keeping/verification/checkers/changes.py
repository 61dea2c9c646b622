"""Derives changes again from notifications, and compares them with the stored ones."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from receiver.database.extent import read_dropped
from receiver.database.faults import UnderivableError
from receiver.database.reading import Reader
from receiver.deriving import Derived, Deriver
from receiver.deriving.derived import Cause, CausedChanges, SenderRules, as_columns
from receiver.deriving.tables import select_closed
from receiver.errors import TooMuchError
from receiver.files import read_sql_file
from receiver.keeping.verification.invariants import Changed, Violation, check_changes
from receiver.keeping.verification.tables import Extent, can_check_changes, read_schema_version
from receiver.notification import NumberedNotification
from receiver.senders import Senders
from receiver.spool.layout import to_microseconds

_FIRST_VERSION_WITH_UNDERIVED = 6
_ROWS_PER_BATCH = 10_000
_UNDERIVED = "SELECT seq, notification_id::VARCHAR, error FROM underived ORDER BY seq"
_THERE = "SELECT seq FROM notifications WHERE seq IN (SELECT unnest(?))"
_ORPHANED = "SELECT DISTINCT seq FROM changes ANTI JOIN notifications USING (seq) ORDER BY seq"

_SEQ, _TIME, _SENDER = map(Cause._fields.index, ("seq", "changed_at", "sender"))

StoredChange = tuple[Any, ...]
"""A row of `changes` as it was read: the columns of `Cause`, with the time in microseconds, then of `Change`."""
Missing = dict[int, tuple[str, str]]
"""The id and the error of each notification whose changes could not be derived, by seq."""


class Scope(NamedTuple):
    """What the changes of an extent are compared with.

    Args:
        extent: the notifications.
        revised: those that got a late predecessor: their changes are final only when all have been read.
        missing: those whose changes could not be derived, as the store says.
        closed: those whose changes stay as they are, because old months were dropped.
    """

    extent: Extent
    revised: frozenset[int]
    missing: frozenset[int]
    closed: frozenset[int]


def read_scope(reader: Reader, extent: Extent, senders: Senders) -> Scope | None:
    """Return what changes are compared with; None where there is nothing to compare, see `can_check_changes`."""
    if not can_check_changes(reader):
        return None
    revised = _read_revised(reader, SenderRules(senders), 0)
    return Scope(extent, frozenset(revised), frozenset(read_missing(reader)), frozenset(_read_closed(reader)))


def _read_closed(reader: Reader) -> set[int]:
    """Return the notifications whose changes stay as they are, because old months were dropped."""
    if not read_dropped(reader.read_rows).is_something:
        return set()
    return {seq for (seq,) in reader.read_rows(select_closed(), [])}


def read_changes(reader: Reader, first: int, last: int) -> list[StoredChange]:
    """Read the changes of notifications from one `seq` to another, in as many parts as necessary."""
    try:
        return _read_changes(reader, "seq BETWEEN ? AND ?", [first, last])
    except TooMuchError:
        if first == last:
            raise
        middle = (first + last) // 2
        return read_changes(reader, first, middle) + read_changes(reader, middle + 1, last)


def _read_changes(reader: Reader, which: str, parameters: list[Any]) -> list[StoredChange]:
    return reader.read_rows(read_sql_file(__package__, "changes.sql").replace("/* which */", which), parameters)


def read_missing(reader: Reader) -> Missing:
    """Return the notifications whose changes could not be derived, as the store says."""
    if read_schema_version(reader) < _FIRST_VERSION_WITH_UNDERIVED:
        return {}
    return {seq: (name, error) for seq, name, error in reader.read_rows(_UNDERIVED, [])}


def check_orphans(reader: Reader) -> Iterator[Violation]:
    """Check that each change has its notification."""
    orphaned = reader.read_rows(_ORPHANED, [])
    return (Violation("changes", None, seq, "There is no such notification.") for (seq,) in orphaned)


def check_derived(missing: Missing) -> Iterator[Violation]:
    """Name the notifications whose changes can't be derived."""
    for seq, (name, error) in sorted(missing.items()):
        yield Violation("underived", UUID(name), seq, f"Its changes can't be derived ({error}), and are missing.")


class ChangesCheck:
    """Compares the changes of whole entities: all notifications of one must come here, in order of `seq`."""

    def __init__(self, reader: Reader, scope: Scope, senders: Senders) -> None:
        self._reader = reader
        self._scope = scope
        self._senders = senders
        self._rules = SenderRules(senders)
        # The deriver knows nothing before the first notification that is stored.
        self._deriver = Deriver(reader.read_rows, scope.extent.after, senders=senders)
        self._expected: dict[int, list[StoredChange]] = {}
        self._without_profile: set[int] = set()
        self.failed: Missing = {}
        """The notifications whose changes could not be derived here."""

    def check(self, batch: list[NumberedNotification], stored: Sequence[StoredChange]) -> Iterator[Violation]:
        """Check the changes of the next notifications."""
        derived = self._derive(batch)
        self.failed |= {failed.seq: (failed.id, failed.error) for failed in derived.failed}
        expected = _group_by_seq(row for each in derived.changed for row in _list_rows(each))
        seqs = {each.seq for each in batch}
        revised, closed, without = self._scope.revised, self._scope.closed, self._find_without_profile(batch, stored)
        self._without_profile |= without & revised
        later = (seqs.union(derived.stale) & revised) - closed - self._without_profile
        self._expected |= {seq: expected[seq] for seq in later}
        yield from self._compare(sorted(seqs - revised - closed - without), expected, stored)

    def _find_without_profile(self, batch: list[NumberedNotification], stored: Iterable[StoredChange]) -> set[int]:
        """Return the notifications whose sender has no profile here, so that nothing tells their changes.

        One whose changes are of another sender is not among them: somebody altered that.
        """
        senders = {each.seq: each.row.sender for each in batch if each.row.sender not in self._senders}
        if not senders:  # mostly
            return set()
        return senders.keys() - {row[_SEQ] for row in stored if row[_SENDER] != senders.get(row[_SEQ])}

    def _compare(
        self, seqs: Iterable[int], expected: Mapping[int, list[StoredChange]], stored: Iterable[StoredChange]
    ) -> Iterator[Violation]:
        """Compare the changes of notifications; most are stored in the order in which they were derived."""
        actual = _group_by_seq(stored)
        different = ((seq, expected[seq], actual[seq]) for seq in seqs if expected[seq] != actual[seq])
        yield from self._find_violations(Changed(seq, Counter(one), Counter(other)) for seq, one, other in different)

    def _derive(self, batch: list[NumberedNotification]) -> Derived:
        """Derive from notifications; if a bug stops that, from halves, down to the notification at fault."""
        try:
            derived = self._deriver.derive(batch)
        except UnderivableError as error:
            if len(batch) > 1:
                middle = len(batch) // 2
                first, rest = self._derive(batch[:middle]), self._derive(batch[middle:])
                changed = [each for each in first.changed if each.cause.seq not in rest.stale]
                return Derived(changed + rest.changed, first.stale + rest.stale, {}, first.failed + rest.failed, {})
            derived = self._deriver.give_up(batch[0], error)
        self._deriver.settle(derived)
        return derived

    def check_revised(self) -> Iterator[Violation]:
        """Check the changes of notifications that got a late predecessor, once all have come."""
        revised = sorted(self._expected)
        for start in range(0, len(revised), _ROWS_PER_BATCH):
            seqs = revised[start : start + _ROWS_PER_BATCH]
            stored = _read_changes(self._reader, "seq IN (SELECT unnest(?))", [seqs])
            yield from self._compare(seqs, self._expected, stored)

    def _find_violations(self, changed: Iterable[Changed]) -> Iterator[Violation]:
        violations = list(check_changes(changed))
        if violations:
            # Late notifications may have arrived meanwhile, and old months may have been dropped.
            since = _read_revised(self._reader, self._rules, self._scope.extent.last) | _read_closed(self._reader)
            there = {seq for (seq,) in self._reader.read_rows(_THERE, [[each.seq for each in violations]])}
            known = since | self._scope.missing | self.failed.keys()
            yield from (each for each in violations if each.seq in there - known)


def _read_revised(reader: Reader, rules: SenderRules, last_seq: int) -> set[int]:
    """Return notifications whose predecessor, in order of occurrence, arrived later and after `last_seq`."""
    query = read_sql_file(__package__, "revised.sql")
    rules.read_stateless_events(reader.read_rows)
    skipped = *as_columns(rules.stateless), *as_columns(rules.stateless_events)
    return {seq for (seq,) in reader.read_rows(query, [*skipped, last_seq])}


def _group_by_seq(rows: Iterable[StoredChange]) -> defaultdict[int, list[StoredChange]]:
    by_seq: defaultdict[int, list[StoredChange]] = defaultdict(list)
    for row in rows:
        by_seq[row[_SEQ]].append(row)
    return by_seq


def _list_rows(changed: CausedChanges) -> list[StoredChange]:
    cause = changed.cause
    # A query counts microseconds, because Python can't represent every moment.
    shared = *cause[:_TIME], to_microseconds(cause.changed_at), *cause[_TIME + 1 :]
    return [(*shared, *change) for change in changed.changes]
