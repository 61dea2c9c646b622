"""A comparison's two sides, and what it finds.

They stand apart from the comparison, which can be compiled: the columns of `changes` are read from annotations, which a
compiled module has not.
"""

from typing import NamedTuple

from receiver.notification import Action, Category
from receiver.senders.sender import Kind


class Change(NamedTuple):
    """A stored change of one field in a body. Its values are JSON; None means that the field is missing.

    `told` says whether the sender told the value before itself.
    """

    path: str
    kind: Kind
    noise: bool
    old_value: str | None
    new_value: str | None
    told: bool = False


class Snapshot(NamedTuple):
    """A notification's fields for a comparison, or an entity's state after one, see `follow`.

    `weight` is the length of the fields that each change repeats. `undeleted` is the body from before the deletion of
    the entity; empty without one.
    """

    category: Category
    action: Action | None
    payload: bytes
    weight: int = 0
    event_type: str | None = None
    undeleted: bytes = b""
