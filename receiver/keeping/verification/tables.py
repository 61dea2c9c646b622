"""Checks the tables: doubled ids, views that disagree, and keys that are missing."""

from collections.abc import Iterator
from typing import NamedTuple
from uuid import UUID

from receiver.database.extent import Dropped, read_beside_drops, read_taken
from receiver.database.reading import Reader
from receiver.deriving.counts import count_that_agree
from receiver.files import read_sql_file
from receiver.keeping.verification.invariants import Violation, check_taken
from receiver.notification import FIRST_PROOF, FIRST_SENDER, SET_ASIDE, Proof
from receiver.senders import CENTURYLINK
from receiver.senders.keys import Keys

_FIRST_VERSION_WITH_ACCOUNT_STATES = 3
_FIRST_VERSION_WITH_ACCOUNT_FACTS = 15
_FIRST_VERSION_DERIVED_SO = 17
_FIRST_VERSION_WITH_SENDERS = 8
_FIRST_VERSION_WITH_PROOFS = 9
_FIRST_VERSION_WITH_DELIVERIES = 9
_FIRST_VERSION_WITH_COUNTS = 11
_IDS_PER_PART = 2_000_000
_SAMPLES = 20
_JUDGED = [CENTURYLINK.name]
"""The senders whose signatures anybody with the public key can check."""
_EXTENT = "SELECT count(*), coalesce(min(seq), 1) - 1, coalesce(max(seq), 0) FROM notifications"
_SCHEMA_VERSION = "SELECT max(version) FROM schema_version"
_STORED_UP_TO = "SELECT count(*) FROM notifications WHERE seq <= ?"
_BEING_REBUILT = "SELECT last_seq FROM rebuilding"


class Extent(NamedTuple):
    """How many notifications are stored, with a seq above `after` and up to `last`."""

    rows: int
    after: int
    last: int


def read_extent(reader: Reader) -> Extent:
    """Ask which notifications are stored at this moment."""
    (extent,) = map(Extent._make, reader.read_rows(_EXTENT, []))
    return extent


def find_gaps(reader: Reader, extent: Extent) -> list[tuple[int, int]]:
    """List the numbers that no notification has, though later ones are there, as ranges from the first to the last.

    Those up to the last that was dropped are left out, unless more are missing than were dropped.
    """
    if extent.rows == extent.last:
        return []

    def find(dropped: Dropped) -> list[tuple[int, int]]:
        ((stored,),) = reader.read_rows(_STORED_UP_TO, [dropped.last_seq])
        after = dropped.last_seq if dropped.last_seq - stored <= dropped.notifications else 0
        rows = reader.read_rows(read_sql_file(__package__, "gaps.sql"), [after, after, extent.last])
        return [(first, last) for first, last in rows]

    return read_beside_drops(reader.read_rows, find)


def read_schema_version(reader: Reader) -> int:
    """Ask which version of the schema the store has."""
    return int(reader.read_rows(_SCHEMA_VERSION, [])[0][0])


def read_first_values(reader: Reader) -> tuple[str | None, Proof | None]:
    """Return the sender and the proof of rows that have no columns for them; None where they have."""
    version = read_schema_version(reader)
    return (
        FIRST_SENDER if version < _FIRST_VERSION_WITH_SENDERS else None,
        FIRST_PROOF if version < _FIRST_VERSION_WITH_PROOFS else None,
    )


def check_whole(reader: Reader, extent: Extent) -> Iterator[Violation]:
    """Check that ids are unique, that nothing was set aside, and that derived tables agree."""
    yield from check_taken(read_taken(reader.read_rows))
    yield from _check_ids(reader, extent)
    for name, reason, received_at in reader.read_rows(read_sql_file(__package__, "set_aside.sql"), [list(SET_ASIDE)]):
        detail = f"It was received at {received_at} and acknowledged, but is kept in rejected as {reason}."
        yield Violation("set_aside", UUID(name), None, detail)
    answers = reader.read_rows(read_sql_file(__package__, "views.sql"), [])
    version = read_schema_version(reader)
    if version >= _FIRST_VERSION_WITH_ACCOUNT_FACTS:
        answers += reader.read_rows(read_sql_file(__package__, "account_states.sql"), [])
    if version >= _FIRST_VERSION_WITH_DELIVERIES:
        answers += reader.read_rows(read_sql_file(__package__, "delivery_ids.sql"), [])
    if version >= _FIRST_VERSION_WITH_COUNTS:
        answers += count_that_agree(reader.read_rows)
    for name, expected, actual in answers:
        if expected != actual:
            yield Violation("view", None, None, f"{name}: {actual}, but notifications make it {expected}.")


def _check_ids(reader: Reader, extent: Extent) -> Iterator[Violation]:
    # In parts, so that ten million ids need no more memory than two million.
    parts = extent.rows // _IDS_PER_PART + 1
    query = read_sql_file(__package__, "doubled_ids.sql")
    for part in range(parts):
        for name, seq, times in reader.read_rows(query, [parts, part, extent.last]):
            yield Violation("doubled", UUID(name), seq, f"Its id is there {times} times.")
    for name, seq in reader.read_rows(read_sql_file(__package__, "set_aside_and_stored.sql"), []):
        yield Violation("doubled", UUID(name), seq, "It is in rejected as well.")


class UsedKey(NamedTuple):
    """A key that judged valid signatures, how many, and the first; None stands for a key that was not noted."""

    fingerprint: str | None
    notifications: int
    first_seq: int

    def describe_lack(self) -> str:
        """Return that it is not at hand, as a sentence without its end."""
        which = f"the public key {self.fingerprint}" if self.fingerprint else "a public key that was not noted"
        if self.notifications == 1:
            return f"Notification seq {self.first_seq} was received under {which}, which is not at hand"
        received = f"{self.notifications:,} notifications, the first of them seq {self.first_seq}, were received"
        return f"{received} under {which}, which is not at hand"


def list_used_keys(reader: Reader) -> list[UsedKey]:
    """List the keys that judged valid signatures of senders whose keys are public."""
    rows = reader.read_rows(read_sql_file(__package__, "received_under.sql"), [_JUDGED, FIRST_SENDER])
    return list(map(UsedKey._make, rows))


def find_lacking_keys(reader: Reader, keys: Keys) -> list[UsedKey]:
    """List the keys under which stored notifications were received and that are not among `keys`.

    Notifications from before schema version 7 have no fingerprint: their key is lacking if no key at hand fits any of
    the first of them.
    """
    used = list_used_keys(reader)
    lacking = [each for each in used if each.fingerprint is not None and each.fingerprint not in keys]
    return lacking + [each for each in used if each.fingerprint is None and not _sign_any(reader, keys)]


def _sign_any(reader: Reader, keys: Keys) -> bool:
    samples = reader.read_rows(read_sql_file(__package__, "signed_samples.sql"), [_JUDGED, FIRST_SENDER, _SAMPLES])
    return any(
        CENTURYLINK.verification.signs(key, signature, payload.encode())
        for signature, payload in samples
        for key in keys.values()
    )


def can_check_changes(reader: Reader) -> bool:
    """Tell whether a store's changes can be compared: not those of an older version, nor during a rebuild."""
    is_older = read_schema_version(reader) < _FIRST_VERSION_DERIVED_SO
    return not is_older and not reader.read_rows(_BEING_REBUILT, [])


def can_check_accounts(reader: Reader) -> bool:
    """Tell whether a store's account states can be compared: older versions kept what the last notification told."""
    return not _FIRST_VERSION_WITH_ACCOUNT_STATES <= read_schema_version(reader) < _FIRST_VERSION_WITH_ACCOUNT_FACTS
