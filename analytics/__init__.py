"""Reads what the receiver has stored: in Python, in SQL, in notebooks and in the dashboard."""

from typing import TYPE_CHECKING

from analytics import errors
from analytics.client.cancelling import Cancellation
from analytics.client.client import Client, connect

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

__all__ = ["Cancellation", "Client", "connect", "errors", "load_ipython_extension"]


def load_ipython_extension(shell: "InteractiveShell") -> None:
    """Add the magic `clc` to IPython, and draw charts offline; `%load_ext analytics` calls this."""
    from analytics.notebook.magic import load  # noqa: PLC0415 - IPython belongs to an extra

    load(shell)
