"""Plays the sender: posts or archives the signed events of its made-up world."""

from receiver.senders.centurylink.made_up import MADE_UP

__all__ = ["MADE_UP"]
