"""Checks the table as a whole: doubled ids, views that disagree with it, keys that are missing."""

from collections.abc import Iterator
from typing import NamedTuple
from uuid import UUID

from receiver.database.reading import Reader
from receiver.keeping.invariants import Violation, check_taken
from receiver.notification import SET_ASIDE
from receiver.program import sql_file
from receiver.senders import SENDER
from receiver.senders.keys import Keys

_FIRST_VERSION_WITH_FINGERPRINTS = 7
_SAMPLES = 20
_EXTENT = "SELECT count(*), coalesce(min(seq), 1) - 1, coalesce(max(seq), 0) FROM notifications"
_SCHEMA_VERSION = "SELECT max(version) FROM schema_version"


class Extent(NamedTuple):
    """How many notifications are stored, with a seq above `after` and up to `last`."""

    rows: int
    after: int
    last: int


def extent_of(reader: Reader) -> Extent:
    """Ask which notifications are stored at this moment."""
    (extent,) = map(Extent._make, reader.rows(_EXTENT, []))
    return extent


def schema_version_of(reader: Reader) -> int:
    """Ask which version of the schema the store has."""
    return int(reader.rows(_SCHEMA_VERSION, [])[0][0])


_ROWS_PER_PART = 2_000_000
_FIRST_VERSION_WITH_ACCOUNT_STATES = 3


def check_whole(reader: Reader, extent: Extent) -> Iterator[Violation]:
    """Check that ids are unique, that nothing was set aside, and that derived tables agree."""
    ((taken, stored, set_aside),) = reader.rows(sql_file(__package__, "promise.sql"), [])
    yield from check_taken(taken, stored, set_aside)
    yield from _check_ids(reader, extent)
    for name, reason, received_at in reader.rows(sql_file(__package__, "set_aside.sql"), [list(SET_ASIDE)]):
        detail = f"It was received at {received_at} and acknowledged, but is kept in rejected as {reason}."
        yield Violation("set_aside", UUID(name), None, detail)
    has_account_states = schema_version_of(reader) >= _FIRST_VERSION_WITH_ACCOUNT_STATES
    answers = reader.rows(sql_file(__package__, "views.sql"), [])
    if has_account_states:
        answers += reader.rows(sql_file(__package__, "account_states.sql"), [SENDER.account_category])
    for name, expected, actual in answers:
        if expected != actual:
            yield Violation("view", None, None, f"{name}: {actual}, but notifications make it {expected}.")


def _check_ids(reader: Reader, extent: Extent) -> Iterator[Violation]:
    # In parts, so that ten million ids need no more memory than two million.
    parts = extent.rows // _ROWS_PER_PART + 1
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


def find_lacking_keys(reader: Reader, keys: Keys) -> list[LackingKey]:
    """List the keys under which stored notifications were received and that are not among `keys`.

    Notifications from before schema version 7 have no fingerprint: their key is lacking if no key at hand fits any of
    the first of them.
    """
    noted = schema_version_of(reader) >= _FIRST_VERSION_WITH_FINGERPRINTS
    query = "received_under.sql" if noted else "received_before_keys.sql"
    judged: dict[str | None, int] = dict(reader.rows(sql_file(__package__, query), []))
    lacking = [LackingKey(name, count) for name, count in judged.items() if name is not None and name not in keys]
    if None in judged and not _sign_any(reader, keys, noted=noted):
        lacking.append(LackingKey(None, judged[None]))
    return lacking


def _sign_any(reader: Reader, keys: Keys, *, noted: bool) -> bool:
    unnoted = "AND key_fingerprint IS NULL" if noted else ""
    samples = reader.rows(sql_file(__package__, "signed_samples.sql").replace("/* unnoted */", unnoted), [_SAMPLES])
    return any(
        SENDER.verification.signs(key, signature, payload.encode())
        for signature, payload in samples
        for key in keys.values()
    )
