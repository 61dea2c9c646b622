"""Derives `changes` from `notifications`: what differs between an entity's states, field by field."""

from receiver.changes.bodies import LastBodies
from receiver.changes.deriver import Derived, Deriver
from receiver.changes.table import reads, write_changes

__all__ = ["Derived", "Deriver", "LastBodies", "reads", "write_changes"]
