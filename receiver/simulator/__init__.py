"""Plays the sender: the events of its made-up world are posted or archived, signed."""

from receiver.senders.centurylink.made_up import MADE_UP

__all__ = ["MADE_UP"]
