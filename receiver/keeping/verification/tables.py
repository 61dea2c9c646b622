"""Checks the tables: doubled ids, views that disagree, keys that are missing, and `changes`."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple
from uuid import UUID

from receiver.database.faults import UnderivableError
from receiver.database.reading import Reader
from receiver.deriving import Derived, Deriver
from receiver.deriving.comparing import DerivedChange
from receiver.deriving.counts import count_that_agree
from receiver.deriving.rules import SenderRules, as_columns
from receiver.errors import TooMuchError
from receiver.files import sql_file
from receiver.keeping.verification.invariants import Changed, Violation, check_changes, check_taken
from receiver.notification import FIRST_PROOF, FIRST_SENDER, SET_ASIDE, NumberedNotification, Proof
from receiver.senders import CENTURYLINK, Senders, load_senders
from receiver.senders.keys import Keys
from receiver.spool.layout import to_microseconds

_FIRST_VERSION_WITH_ACCOUNT_STATES = 3
_FIRST_VERSION_DERIVED_SO = 9
_FIRST_VERSION_WITH_UNDERIVED = 6
_FIRST_VERSION_WITH_SENDERS = 8
_FIRST_VERSION_WITH_PROOFS = 9
_FIRST_VERSION_WITH_DELIVERIES = 9
_FIRST_VERSION_WITH_COUNTS = 11
_IDS_PER_PART = 2_000_000
_ROWS_PER_BATCH = 10_000
_SAMPLES = 20
_JUDGED = [CENTURYLINK.name]
"""The senders whose signatures anybody with the public key can check."""
_EXTENT = "SELECT count(*), coalesce(min(seq), 1) - 1, coalesce(max(seq), 0) FROM notifications"
_SCHEMA_VERSION = "SELECT max(version) FROM schema_version"
_UNDERIVED = "SELECT seq, notification_id::VARCHAR, error FROM underived ORDER BY seq"
_BEING_REBUILT = "SELECT last_seq FROM rebuilding"
_ORPHANED = "SELECT DISTINCT seq FROM changes ANTI JOIN notifications USING (seq) ORDER BY seq"


class Extent(NamedTuple):
    """How many notifications are stored, with a seq above `after` and up to `last`."""

    rows: int
    after: int
    last: int


def extent_of(reader: Reader) -> Extent:
    """Ask which notifications are stored at this moment."""
    (extent,) = map(Extent._make, reader.rows(_EXTENT, []))
    return extent


def find_gaps(reader: Reader, extent: Extent) -> list[tuple[int, int]]:
    """List the numbers that no notification has, though later ones are there, as ranges from the first to the last."""
    if extent.rows == extent.last:
        return []
    return [(first, last) for first, last in reader.rows(sql_file(__package__, "gaps.sql"), [extent.last])]


def schema_version_of(reader: Reader) -> int:
    """Ask which version of the schema the store has."""
    return int(reader.rows(_SCHEMA_VERSION, [])[0][0])


def first_values_of(reader: Reader) -> tuple[str | None, Proof | None]:
    """Return the sender and the proof of rows that have no columns for them; None where they have."""
    version = schema_version_of(reader)
    return (
        FIRST_SENDER if version < _FIRST_VERSION_WITH_SENDERS else None,
        FIRST_PROOF if version < _FIRST_VERSION_WITH_PROOFS else None,
    )


def check_whole(reader: Reader, extent: Extent, senders: Senders | None = None) -> Iterator[Violation]:
    """Check that ids are unique, that nothing was set aside, and that derived tables agree."""
    rules = SenderRules(load_senders() if senders is None else senders)
    ((taken, stored, set_aside),) = reader.rows(sql_file(__package__, "promise.sql"), [])
    yield from check_taken(taken, stored, set_aside)
    yield from _check_ids(reader, extent)
    for name, reason, received_at in reader.rows(sql_file(__package__, "set_aside.sql"), [list(SET_ASIDE)]):
        detail = f"It was received at {received_at} and acknowledged, but is kept in rejected as {reason}."
        yield Violation("set_aside", UUID(name), None, detail)
    has_account_states = schema_version_of(reader) >= _FIRST_VERSION_WITH_ACCOUNT_STATES
    answers = reader.rows(sql_file(__package__, "views.sql"), [])
    if has_account_states:
        answers += reader.rows(sql_file(__package__, "account_states.sql"), [*as_columns(rules.accounts), FIRST_SENDER])
    if schema_version_of(reader) >= _FIRST_VERSION_WITH_DELIVERIES:
        answers += reader.rows(sql_file(__package__, "delivery_ids.sql"), [])
    if schema_version_of(reader) >= _FIRST_VERSION_WITH_COUNTS:
        answers += count_that_agree(reader.rows)
    for name, expected, actual in answers:
        if expected != actual:
            yield Violation("view", None, None, f"{name}: {actual}, but notifications make it {expected}.")


def _check_ids(reader: Reader, extent: Extent) -> Iterator[Violation]:
    # In parts, so that ten million ids need no more memory than two million.
    parts = extent.rows // _IDS_PER_PART + 1
    query = sql_file(__package__, "doubled_ids.sql")
    for part in range(parts):
        for name, seq, times in reader.rows(query, [parts, part, extent.last]):
            yield Violation("doubled", UUID(name), seq, f"Its id is there {times} times.")
    for name, seq in reader.rows(sql_file(__package__, "set_aside_and_stored.sql"), []):
        yield Violation("doubled", UUID(name), seq, "It is in rejected as well.")


class LackingKey(NamedTuple):
    """A key that is not at hand: its fingerprint (None if it was not noted at receipt), and how many rows it judged."""

    fingerprint: str | None
    notifications: int

    def __str__(self) -> str:
        """Return it as a sentence."""
        which = f"the public key {self.fingerprint}" if self.fingerprint else "a public key that was not noted"
        return f"{self.notifications:,} notifications were received under {which}, which is not at hand"


def count_judged(reader: Reader) -> dict[str | None, int]:
    """Count the valid signatures of each key that judged some; None is a key that was not noted at receipt.

    Signatures of senders whose keys are not public don't count.
    """
    return dict(reader.rows(sql_file(__package__, "received_under.sql"), [_JUDGED, FIRST_SENDER]))


def find_lacking_keys(reader: Reader, keys: Keys) -> list[LackingKey]:
    """List the keys under which stored notifications were received and that are not among `keys`.

    Notifications from before schema version 7 have no fingerprint: their key is lacking if no key at hand fits any of
    the first of them.
    """
    judged = count_judged(reader)
    lacking = [LackingKey(name, count) for name, count in judged.items() if name is not None and name not in keys]
    if None in judged and not _sign_any(reader, keys):
        lacking.append(LackingKey(None, judged[None]))
    return lacking


def _sign_any(reader: Reader, keys: Keys) -> bool:
    samples = reader.rows(sql_file(__package__, "signed_samples.sql"), [_JUDGED, FIRST_SENDER, _SAMPLES])
    return any(
        CENTURYLINK.verification.signs(key, signature, payload.encode())
        for signature, payload in samples
        for key in keys.values()
    )


def can_check_changes(reader: Reader) -> bool:
    """Tell whether a store's changes can be compared: not those of an older version, nor during a rebuild."""
    is_older = schema_version_of(reader) < _FIRST_VERSION_DERIVED_SO
    return not is_older and not reader.rows(_BEING_REBUILT, [])


class ChangesCheck:
    """Derives changes again from an extent's notifications, and compares them with the stored ones.

    During a rebuild, and in a file whose changes an older version derived, there is nothing to compare.
    """

    def __init__(self, reader: Reader, extent: Extent, senders: Senders) -> None:
        self._reader = reader
        self._extent = extent
        self._rules = SenderRules(senders)
        # The deriver knows nothing before the first notification that is stored.
        self._deriver = Deriver(reader.rows, extent.after, senders=senders) if can_check_changes(reader) else None
        # The changes of these are final only when all notifications have been read.
        self._revised = self._read_revised(0) if self._deriver else set()
        self._expected: dict[int, Counter[tuple[Any, ...]]] = {}
        self._missing = _read_missing(reader)

    def check(self, batch: list[NumberedNotification]) -> Iterator[Violation]:
        """Check the changes of the next notifications, in order of `seq`."""
        if self._deriver is None:
            return
        derived = self._derive(self._deriver, batch)
        self._missing = {failed.seq: (failed.id, failed.error) for failed in derived.failed} | self._missing
        expected = _group_by_seq(map(_as_queried, derived.rows))
        seqs = [stored.seq for stored in batch]
        self._expected |= {seq: expected[seq] for seq in {*seqs, *derived.stale} & self._revised}
        actual = _group_by_seq(self._read_stored(min(seqs), max(seqs)))
        yield from self._violations(
            Changed(seq, expected[seq], actual[seq])
            for seq in sorted({*seqs} - self._revised)
            if expected[seq] != actual[seq]
        )

    def _derive(self, deriver: Deriver, batch: list[NumberedNotification]) -> Derived:
        """Derive from notifications; if a bug stops that, from halves, down to the notification at fault."""
        try:
            derived = deriver.derive(batch)
        except UnderivableError as error:
            if len(batch) > 1:
                middle = len(batch) // 2
                first, rest = self._derive(deriver, batch[:middle]), self._derive(deriver, batch[middle:])
                rows = [row for row in first.rows if row.seq not in rest.stale]
                return Derived(rows + rest.rows, first.stale + rest.stale, {}, first.failed + rest.failed)
            derived = deriver.give_up(batch[0], error)
        deriver.settle(derived)
        return derived

    def check_rest(self) -> Iterator[Violation]:
        """Check the changes of notifications that got a late predecessor, and changes without a notification."""
        if self._deriver:
            orphaned = self._reader.rows(_ORPHANED, [])
            yield from (Violation("changes", None, seq, "There is no such notification.") for (seq,) in orphaned)
        for seq, (name, error) in sorted(self._missing.items()):
            yield Violation("underived", UUID(name), seq, f"Its changes can't be derived ({error}), and are missing.")
        revised = sorted(self._expected)
        for start in range(0, len(revised), _ROWS_PER_BATCH):
            seqs = revised[start : start + _ROWS_PER_BATCH]
            rows = self._reader.rows(sql_file(__package__, "changes_of.sql"), [seqs])
            actual = _group_by_seq(map(DerivedChange._make, rows))
            yield from self._violations(Changed(seq, self._expected[seq], actual[seq]) for seq in seqs)

    def _read_stored(self, first: int, last: int) -> Iterator[DerivedChange]:
        """Read the rows of notifications from one `seq` to another, in as many parts as necessary."""
        try:
            yield from map(DerivedChange._make, self._reader.rows(sql_file(__package__, "changes.sql"), [first, last]))
        except TooMuchError:
            if first == last:
                raise
            middle = (first + last) // 2
            yield from self._read_stored(first, middle)
            yield from self._read_stored(middle + 1, last)

    def _violations(self, changed: Iterable[Changed]) -> Iterator[Violation]:
        violations = list(check_changes(changed))
        if violations:
            # Late notifications may have arrived meanwhile.
            since = self._read_revised(self._extent.last)
            yield from (each for each in violations if each.seq not in since and each.seq not in self._missing)

    def _read_revised(self, last_seq: int) -> set[int]:
        """Return notifications whose predecessor, in order of occurrence, arrived later and after `last_seq`."""
        return {
            seq
            for (seq,) in self._reader.rows(
                sql_file(__package__, "revised.sql"), [*as_columns(self._rules.stateless), last_seq]
            )
        }


def _read_missing(reader: Reader) -> dict[int, tuple[str, str]]:
    """Return the id and the error of each notification whose changes could not be derived, by seq."""
    if schema_version_of(reader) < _FIRST_VERSION_WITH_UNDERIVED:
        return {}
    return {seq: (name, error) for seq, name, error in reader.rows(_UNDERIVED, [])}


def _group_by_seq(rows: Iterable[DerivedChange]) -> defaultdict[int, Counter[tuple[Any, ...]]]:
    by_seq: defaultdict[int, Counter[tuple[Any, ...]]] = defaultdict(Counter)
    for row in rows:
        by_seq[row.seq][row] += 1
    return by_seq


def _as_queried(row: DerivedChange) -> DerivedChange:
    # A query counts microseconds, because Python can't represent every moment.
    return row._replace(changed_at=to_microseconds(row.changed_at))  # type: ignore[arg-type]
