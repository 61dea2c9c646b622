"""The senders of notifications: each has a folder with all that is known of it, behind `Sender`."""

from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path

from receiver.configuration import list_names
from receiver.errors import ProfileError
from receiver.senders.centurylink import CENTURYLINK
from receiver.senders.sender import Sender

__all__ = ["CENTURYLINK", "Sender", "Senders", "load_senders"]

Senders = Mapping[str, Sender]
"""Senders by their names."""


def load_senders(
    directory: Path | None = None, leave_out: Callable[[ProfileError], None] | None = None
) -> dict[str, Sender]:
    """Return all senders by name: those of the program, and those with a profile in a directory, if one is given.

    Args:
        directory: that of CLC_SENDERS.
        leave_out: called with the error of each profile that can't be used; the others are returned.

    Raises:
        SettingsError: the directory is none or can't be read.
        ProfileError: without `leave_out`, a profile can't be used.
    """
    from receiver.senders.profile import load_directory  # noqa: PLC0415 - a profile imports this package

    if directory is not None:
        list_names(directory, "CLC_SENDERS")
    own = load_directory(directory, leave_out) if directory else {}
    return {**_load_shipped(), **own, CENTURYLINK.name: CENTURYLINK}


@cache
def _load_shipped() -> Senders:
    from receiver.senders.profile import load_shipped  # noqa: PLC0415 - a profile imports this package

    return load_shipped()
