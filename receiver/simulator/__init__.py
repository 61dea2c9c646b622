"""Plays the sender: posts or archives the signed events of its made-up world."""

from receiver.senders.centurylink import made_up

__all__ = ["made_up"]
