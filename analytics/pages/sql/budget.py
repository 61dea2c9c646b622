"""Bounds the memory that the rows of viewers' own queries take in the dashboard: those of one, and of all together."""

import threading
from typing import Protocol
from weakref import WeakKeyDictionary

import streamlit as st

MEBIBYTE = 2**20
ANSWER_BYTES = 256 * MEBIBYTE
"""The most bytes of one answer, as Arrow counts them."""
KEPT_BYTES = 512 * MEBIBYTE
"""The most bytes of all answers that sessions keep, as Arrow counts them."""


class Answer(Protocol):
    """Rows that a session keeps to show them again."""

    def let_go(self) -> None:
        """Keep the rows no longer."""


class Kept:
    """The answers that all sessions keep; the oldest go when they are too large together.

    Args:
        most: how many bytes they may have together; the newest stays whatever its size.
    """

    def __init__(self, most: int) -> None:
        """Begin with no answer."""
        self._most = most
        self._sizes: WeakKeyDictionary[Answer, int] = WeakKeyDictionary()
        self._lock = threading.Lock()
        self.making_file = threading.Lock()
        """Held while a file is made of rows, which takes several times their memory: one at a time."""

    def add(self, answer: Answer, size: int) -> None:
        """Keep an answer of so many bytes, and let older ones go to make room for it."""
        with self._lock:
            self._sizes[answer] = size
            older = [one for one in self._sizes if one is not answer]
            while older and sum(self._sizes.values()) > self._most:
                oldest = older.pop(0)
                del self._sizes[oldest]
                oldest.let_go()


@st.cache_resource(show_spinner=False)
def kept() -> Kept:
    """Return the answers that all sessions keep."""
    return Kept(KEPT_BYTES)
