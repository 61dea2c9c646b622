"""Errors of the receiver.

ReceiverError            anything a user can put right; its text is one sentence that says how
├── SettingsError        a setting has a value that is not allowed
├── KeyFileError         a key file can't be read or is not a usable RSA key
├── ProfileError         a sender's profile has a value that is not allowed
├── SecretError          a sender's secret or public key is none, or too weak a one
├── DataDirectoryError   the data directory can't be used, or another process is using it
├── ListenError          an address can't be listened on
├── ArchiveError         an archive file can't be read
├── SendError            a receiver can't be reached or refuses the simulator's notifications
├── DemoError            a part of the demonstration does not start or ends by itself
├── ListenerError        a listener does not start, and starting it again does not help
├── WorkerError          a process that checks stored notifications has ended before its time
├── SharedSpoolError     the shared spool can't be reached or used
├── ObjectsError         object storage can't be reached or used
│   └── DamagedObjectError  an object is not as it was written
├── UpgradeError         another version can't take over from a running `serve`
└── StoreError           the DuckDB file can't be used, or a running store does not answer
    ├── NewerStoreError  a newer program wrote the DuckDB file
    ├── UndecidedError   it can't be told at the moment whether a DuckDB file is whole, or which backups there are
    └── TooMuchError     an answer is larger than the query service gives
"""

from pathlib import Path


class ReceiverError(Exception):
    """Something went wrong that the user can put right.

    `restart_may_help` is False where only another version or other settings can help.
    """

    restart_may_help = True


class SettingsError(ReceiverError):
    """Raised when a setting has a value that is not allowed."""


class KeyFileError(ReceiverError):
    """Raised when a key file can't be read or is not a usable RSA key."""


class ProfileError(ReceiverError):
    """Raised when a sender's profile can't be read or has a value that is not allowed.

    Args:
        path: the file.
        reason: what is wrong and what is allowed, in words that follow the key.
        key: the key with those that lead to it, such as `columns.actor`; None where the file as a whole is wrong.
        line: where the key stands; None where that can't be told.
    """

    def __init__(self, path: Path, reason: str, key: str | None = None, line: int | None = None) -> None:
        """Make the sentence."""
        place = f"{path}, line {line}" if line else str(path)
        super().__init__(f"{place}: {f'{key} {reason}' if key else reason}.")
        self.path, self.reason, self.key, self.line = path, reason, key, line


class SecretError(ReceiverError):
    """Raised when a sender's secret or public key is none, or too weak a one; the text never contains it."""


class DataDirectoryError(ReceiverError):
    """Raised when the data directory can't be used, or another process is using it."""


class ListenError(ReceiverError):
    """Raised when an address can't be listened on."""


class ArchiveError(ReceiverError):
    """Raised when an archive file can't be read."""


class SendError(ReceiverError):
    """Raised when a receiver can't be reached or refuses the simulator's notifications."""


class StoreError(ReceiverError):
    """Raised when the DuckDB file can't be used, or a running store does not answer."""


class DemoError(ReceiverError):
    """Raised when a part of the demonstration does not start or ends by itself."""


class NewerStoreError(StoreError):
    """Raised when a newer program wrote the DuckDB file."""

    restart_may_help = False


class UndecidedError(StoreError):
    """Raised when it can't be told at the moment whether a DuckDB file is whole, or which backups there are."""


class TooMuchError(StoreError):
    """Raised when an answer is larger than the query service gives, or needs too much memory; ask for less at once."""


class ListenerError(ReceiverError):
    """Raised when a listener does not start, and starting it again does not help."""


class WorkerError(ReceiverError):
    """Raised when a process that checks stored notifications has ended before its time."""


class SharedSpoolError(ReceiverError):
    """Raised when the shared spool can't be reached or used."""


class ObjectsError(ReceiverError):
    """Raised when object storage can't be reached or used."""


class DamagedObjectError(ObjectsError):
    """Raised when an object is not as it was written; another backup may be whole."""


class UpgradeError(ReceiverError):
    """Raised when another version can't take over from a running `serve`."""
