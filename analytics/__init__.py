"""Reads what the receiver has stored: in Python, in SQL, in notebooks and in the dashboard."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from analytics import errors

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from analytics.client.cancelling import Cancellation
    from analytics.client.client import Client, connect

__all__ = ["Cancellation", "Client", "connect", "errors", "load_ipython_extension"]

_MODULES = {
    "Cancellation": "analytics.client.cancelling",
    "Client": "analytics.client.client",
    "connect": "analytics.client.client",
}


if not TYPE_CHECKING:  # mypy would take any name for one of this module's

    def __getattr__(name: str) -> Any:
        """Import a name when it is used, so that `clc-analytics` imports nothing before it is ready for Ctrl-C."""
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(_MODULES[name]), name)


def __dir__() -> list[str]:
    """List the names that Jupyter completes."""
    return __all__


def load_ipython_extension(shell: "InteractiveShell") -> None:
    """Add the magic `clc` to IPython, and draw charts offline; `%load_ext analytics` calls this."""
    from analytics.notebook.magic import load  # noqa: PLC0415 - IPython belongs to an extra

    load(shell)
