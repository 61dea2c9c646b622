"""The promise as functions: invariants of acknowledged, stored and spooled notifications at any moment.

Each takes rows and yields the violations; none reads a file or asks a store. Rows may come from a generator: where
order matters they come in order of `seq`, and no function keeps them.
The tests and `clc-receiver verify` call the same functions.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from receiver.database.extent import Taken
from receiver.notification import FIRST_PROOF, Notification, NumberedNotification, Proof
from receiver.senders import CENTURYLINK, Sender
from receiver.senders.keys import Keys
from receiver.senders.profile import Profile
from receiver.senders.request import BodyError, parse_body
from receiver.senders.sender import Body, Event, RoutedSender
from receiver.spool.layout import to_microseconds

_BITS_AFTER_TIME = 80  # of a UUID of version 7, whose first 48 bits count milliseconds
_UNSIGNED = "Its signature does not sign its payload, though signature_status is valid."
_SIGNED = "Its signature signs its payload, though signature_status is invalid."
_DERIVED = ("event_type", "category", "action", "account_alias", "entity_id", "actor", "occurred_at")


class Violation(NamedTuple):
    """A violation: which invariant is broken, by which notification, and how."""

    what: str
    id: UUID | None
    seq: int | None
    detail: str

    def __str__(self) -> str:
        """Return it as one line."""
        seq = "" if self.seq is None else f" seq {self.seq}"
        name = "" if self.id is None else f" id {self.id}"
        return f"{self.what}{seq}{name}: {self.detail}"


class Original(NamedTuple):
    """The original of a copy; without `seq` there is none."""

    seq: int | None
    is_copy: bool
    event_type: str | None
    same_payload: bool
    is_valid: bool


class Changed(NamedTuple):
    """The rows of `changes` that a notification must have, and those that it has, as opaque tuples."""

    seq: int
    expected: Counter[tuple[Any, ...]]
    stored: Counter[tuple[Any, ...]]


class Handed(NamedTuple):
    """A spooled row, and `stored`, the SHA-256 of its body in the store, None if it is not there.

    The position is in (segment, kind). The store had appended up to `before` when the spool was read, and up to
    `after` once the store had been read.
    """

    id: UUID
    position: int
    before: int
    after: int
    sha256: str
    stored: str | None


def check_order(rows: Iterable[tuple[int, UUID]], after: int = 0) -> Iterator[Violation]:
    """Check that `seq` strictly grows, also from the row before these.

    Args:
        rows: (seq, id) in order; a repeated row does not grow.
        after: the `seq` before them.
    """
    last = after
    for seq, name in rows:
        if seq <= last:
            yield Violation("order", name, seq, f"Its seq does not come after {last}.")
        last = max(last, seq)


Judge = Callable[[Notification], bool | None]
"""Tells whether a row's signature fits; None where that can't be told."""


def check_row(
    stored: NumberedNotification,
    keys: Keys,
    sender: Sender | None = CENTURYLINK,
    judge: Judge | None = None,
    former: Sequence[Profile] = (),
) -> Iterator[Violation]:
    """Check one stored notification by itself: its signature, its derived columns and its id against its payload.

    Of a sender without a published key, secrets judge the signature. Of one with a profile, the columns that the body
    tells must be those of the profile, or all be those of one that it had.

    Args:
        stored: the notification.
        keys: the public keys at hand; it was received under one of them.
        sender: its sender; None for one that is not known.
        judge: judges signatures of senders without a published key.
        former: profiles that the sender had.
    """
    routed = sender if isinstance(sender, RoutedSender) else None
    proof = sender.scheme.proof if isinstance(sender, Profile) else None
    yield from _make_violations("signature", stored, _find_signature_faults(stored.row, keys, routed, judge, proof))
    yield from _make_violations("derived", stored, _find_derived_faults(stored.row, sender, former))


def check_copy(stored: NumberedNotification, original: Original) -> Iterator[Violation]:
    """Check that a copy has an original: earlier, no copy itself, of the same event and bytes, and as well signed."""
    yield from _make_violations("duplicate_of", stored, _copy_faults(stored, original))


def check_changes(rows: Iterable[Changed]) -> Iterator[Violation]:
    """Check that the stored changes are those that follow from the entities' notifications."""
    for seq, expected, stored in rows:
        missing, foreign = (expected - stored).total(), (stored - expected).total()
        if missing or foreign:
            detail = (
                f"{missing} of {_count(expected.total(), 'expected change')} {_is(missing)} missing; "
                f"{_count(foreign, 'unexpected one')} {_is(foreign)} present. Copy the database for evidence first; "
                "then `clc-receiver rebuild` derives them again."
            )
            yield Violation("changes", None, seq, detail)


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _is(number: int) -> str:
    return "is" if number == 1 else "are"


def check_taken(taken: Taken) -> Iterator[Violation]:
    """Check that every notification that the store took from the spool is stored or set aside, and no other is."""
    missing = taken.missing
    if missing > 0:
        detail = f"Of {taken.taken:,} notifications from the spool {missing:,} are neither stored nor set aside."
        yield Violation("lost", None, None, detail)
    elif missing < 0:
        detail = f"{taken.kept:,} notifications are kept, {-missing:,} more than came from the spool."
        yield Violation("doubled", None, None, detail)


def check_gaps(gaps: Iterable[tuple[int, int]]) -> Iterator[Violation]:
    """Name numbers that no notification has. A store that never lost anything gives each number to one.

    Args:
        gaps: the first and the last number of each gap.
    """
    for first, last in gaps:
        have = f"Seq {first} is" if first == last else f"Seq {first} to {last} are"
        detail = f"{have} not there, though later ones are, and no recovery or restore in this directory explains that."
        yield Violation("lost", None, first, detail)


def check_missing(incidents: Iterable[tuple[str, str]]) -> Iterator[Violation]:
    """Name what is missing since an incident, because the stored rows don't show it.

    Args:
        incidents: when each was (ISO, UTC), and what is missing since then.
    """
    for at, missing in incidents:
        yield Violation("missing", None, None, f"Since {at[:19]} UTC: {missing}")


def check_handed(rows: Iterable[Handed]) -> Iterator[Violation]:
    """Check that each spooled row is either up to the watermark and stored, or beyond it and not stored."""
    for row in rows:
        if row.position <= row.before and row.stored is None:
            yield Violation("lost", row.id, None, f"The store has passed its place {row.position} in the spool.")
        elif row.position > row.after and row.stored is not None:
            yield Violation("doubled", row.id, None, f"It is stored, and waits in the spool at {row.position} too.")
        elif row.stored is not None and row.stored != row.sha256:
            yield Violation("altered", row.id, None, "Its body in the store is not the one in the spool.")


def _make_violations(what: str, stored: NumberedNotification, faults: Iterable[str]) -> Iterator[Violation]:
    return (Violation(what, stored.row.id, stored.seq, fault) for fault in faults)


def _knows_key_of(row: Notification, keys: Keys) -> bool:
    # A key that was not noted may be any of several, and a key that did not judge the signature may fit it.
    return row.key_fingerprint in keys or len(keys) == 1


def _is_signed(row: Notification, keys: Keys, sender: RoutedSender) -> bool:
    noted = row.key_fingerprint
    candidates = keys.values() if noted is None else [keys[noted]] if noted in keys else []
    return row.signature is not None and any(
        sender.verification.signs(key, row.signature, row.payload) for key in candidates
    )


def _find_signature_faults(
    row: Notification, keys: Keys, sender: RoutedSender | None, judge: Judge | None, proof: Proof | None
) -> Iterator[str]:
    if row.signature_status not in {"valid", "invalid", "missing"}:
        yield f"Its signature_status is {row.signature_status}."
    elif row.signature_status == "missing" and row.signature is not None:
        yield "It has a signature, though signature_status is missing."
    elif row.signature_status == "valid" and row.signature_detail is not None:
        yield f"Its signature_detail is {row.signature_detail}, though signature_status is valid."
    elif sender is None:
        yield from _find_judged_faults(row, None if judge is None else judge(row), proof)
    elif row.proof != FIRST_PROOF:
        yield f"Its proof is {row.proof}, though its sender signs for anybody to check."
    elif row.signature_status == "valid" and not _is_signed(row, keys, sender):
        yield _UNSIGNED
    elif row.signature_status == "invalid" and _knows_key_of(row, keys) and _is_signed(row, keys, sender):
        yield _SIGNED


def _find_judged_faults(row: Notification, is_signed: bool | None, proof: Proof | None) -> Iterator[str]:
    if row.signature_status == "valid" and is_signed is False:
        yield _UNSIGNED
    elif row.signature_status == "invalid" and is_signed:
        yield _SIGNED
    elif is_signed and row.proof != proof:
        yield f"Its proof is {row.proof}, but its signature makes it {proof}."


def _find_derived_faults(row: Notification, sender: Sender | None, former: Sequence[Profile]) -> Iterator[str]:
    if row.id.int >> _BITS_AFTER_TIME != to_microseconds(row.received_at) // 1000:
        yield f"received_at {row.received_at} does not match the time in the id: the row was altered."
    try:
        body = parse_body(row.payload)
    except BodyError as error:
        yield f"Its payload is not what the listener accepts: {error.detail}"
        return
    if isinstance(sender, Profile):
        yield from _find_faults_under((sender, *former), row, body)
    elif isinstance(sender, RoutedSender):
        yield from _find_routed_faults(row, sender, body)


def _find_routed_faults(row: Notification, sender: RoutedSender, body: Body) -> Iterator[str]:
    # The route is not stored. A route with an action decided on it, whatever the body says; a route without left it to
    # the body, and then the body must still leave it open.
    event = Event(row.category, row.action)
    if event not in sender.events and event not in sender.open_events:
        yield f"There is no event of category {row.category} and action {row.action}."
        return
    expected = sender.columns(event, body, row.received_at)._asdict()
    for column in _DERIVED:
        value = getattr(row, column)
        if value != expected[column]:
            yield f"Its {column} is {value}, but payload and event make it {expected[column]}."


def _find_faults_under(profiles: Sequence[Profile], row: Notification, body: Body) -> Iterator[str]:
    """Yield the columns that are not as the first profile derives them, unless another one derives all as they are."""
    first: dict[str, Any] = {}
    for profile in profiles:
        expected = profile.derive_again(row.event_type, body, row.received_at)
        unlike = {name: value for name, value in expected.items() if value != getattr(row, name)}
        if not unlike:
            return
        first = first or unlike
    for name, value in first.items():
        yield (
            f"Its {name} is {getattr(row, name)}, but payload and profile make it {value}: it was altered, or "
            "CLC_DATA_DIR/remembered_profiles lacks the profile under which it was received."
        )


def _copy_faults(stored: NumberedNotification, original: Original) -> Iterator[str]:
    if original.seq is None:
        yield f"Its original {stored.duplicate_of} is not there."
        return
    if original.seq >= stored.seq:
        yield f"Its original {stored.duplicate_of} comes later, at seq {original.seq}."
    if original.is_copy:
        yield f"Its original {stored.duplicate_of} is a copy itself."
    if original.event_type != stored.row.event_type:
        yield f"Its original {stored.duplicate_of} is of another event."
    if not original.same_payload:
        yield f"Its payload is not that of its original {stored.duplicate_of}."
    if stored.row.signature_status == "valid" and not original.is_valid:
        yield (
            f"Its signature is valid, and its original {stored.duplicate_of} has no valid one, so a stranger may have "
            "sent that first: `events` lacks this one. Compare both in `notifications`."
        )
