"""The senders of notifications: each has a folder with all that is known of it, behind `Sender`."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from receiver.configuration import list_names
from receiver.senders.centurylink import CENTURYLINK
from receiver.senders.sender import Sender

__all__ = ["CENTURYLINK", "Sender", "Senders", "load_senders"]

Senders = Mapping[str, Sender]
"""Senders by their names."""


def load_senders(directory: Path | None = None) -> dict[str, Sender]:
    """Return all senders by name: those of the program, and those with a profile in a directory, if one is given.

    Raises:
        SettingsError: the directory, which CLC_SENDERS names, is none or can't be read.
        ProfileError: a profile can't be used.
    """
    from receiver.senders.profile import load_directory  # noqa: PLC0415 - a profile imports this package

    if directory is not None:
        list_names(directory, "CLC_SENDERS")
    own = load_directory(directory) if directory else {}
    return {**_load_shipped(), **own, CENTURYLINK.name: CENTURYLINK}


@cache
def _load_shipped() -> Senders:
    from receiver.senders.profile import load_shipped  # noqa: PLC0415 - a profile imports this package

    return load_shipped()
