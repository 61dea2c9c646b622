"""Derives `changes` from `notifications`: the differences between an entity's states, field by field."""

from receiver.deriving.bodies import LastBodies, load_bodies
from receiver.deriving.derived import Derived
from receiver.deriving.deriver import Deriver
from receiver.deriving.tables import make_read, write_changes

__all__ = ["Derived", "Deriver", "LastBodies", "load_bodies", "make_read", "write_changes"]
