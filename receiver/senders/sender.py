"""The interface of a sender: routes and events, verification, columns, comparison. Each part is pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from receiver.notification import Action, Category, SignatureStatus
from receiver.senders.comparison import Comparison
from receiver.senders.keys import PrivateKey, PublicKey

Body = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Event:
    """The event that a request names; `action` is None where the request leaves it to the body."""

    category: Category
    action: Action | None

    @property
    def event_type(self) -> str | None:
        """Return the event's name, such as `Thing.Changed`; None where the action is not known."""
        return None if self.action is None else f"{self.category}.{self.action}"


class Columns(NamedTuple):
    """The columns of `notifications` that event and body decide; None where they don't say.

    `parent_account` is no column: it is the account above the one that the notification describes, if it names one.
    """

    event_type: str | None
    category: Category
    action: Action | None
    account_alias: str | None
    entity_id: str | None
    actor: str | None
    occurred_at: datetime
    parent_account: str | None


@dataclass(frozen=True, slots=True)
class Verification:
    """How a sender signs, and how that is checked."""

    header: str
    """The header that carries the signature, in its usual spelling."""
    load_key: Callable[[Path | None], PublicKey]
    """Loads a public key from a file, or for None the one that the sender published; raises `KeyFileError`."""
    check: Callable[[PublicKey, Mapping[str, str], bytes], tuple[SignatureStatus, bytes | None]]
    """Returns a signature's status by key, headers (names in lower case) and body, and the signature if readable."""
    signs: Callable[[PublicKey, bytes, bytes], bool]
    """Tells whether a signature signs a body under a key."""
    sign: Callable[[PrivateKey, bytes], str]
    """Returns the header's value for a body."""


@dataclass(frozen=True, slots=True)
class Sender:
    """A sender of notifications, by the parts in which senders differ."""

    name: str
    events: tuple[Event, ...]
    """All events, each with its action."""
    open_events: tuple[Event, ...]
    """The events of requests that leave the action to the body."""
    event_for_request: Callable[[str, str], Event | None]
    """Returns the event of a request by its path and its query string; None where they name none."""
    event_for_name: Callable[[str], Event | None]
    """Returns the event of a name in any letter case, such as an archive has it; None for any other text."""
    verification: Verification
    columns: Callable[[Event, Body, datetime], Columns]
    """Returns the columns by event, body and time of receipt; raises nothing, whatever the body."""
    account_category: Category
    """The category whose entities are accounts."""
    comparison: Comparison
