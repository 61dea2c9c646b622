"""Drops what was received in old months that the lake holds, except for what later rows need."""

from receiver.store.dropping.dropper import Dropper

__all__ = ["Dropper"]
