"""The files in the settings as `serve` reads them when it begins: its children go on with them if they go away.

The public key and the profiles are copied into the data directory; the certificate, its private key and the secrets of
senders into memory.
"""

from pathlib import Path

from receiver.files import hold_in_memory, name_descriptor
from receiver.network.tls import make_tls_context, read_validity
from receiver.processes.state import UsedFilesState
from receiver.senders import CENTURYLINK
from receiver.senders.copies import ProfileCopies
from receiver.senders.keys import compute_fingerprint, remember_key
from receiver.senders.set_up import PASSED_SECRETS, list_secret_files, write_secrets
from receiver.settings import Settings
from receiver.supervision.begin import check_files


class UsedFiles:
    """The files that a `serve` uses.

    Args:
        settings: name the files.

    Raises:
        ReceiverError: one of them can't be used.
        OSError: one of them can't be read any more.
    """

    def __init__(self, settings: Settings) -> None:
        check_files(settings)
        self._settings = settings
        self._key = CENTURYLINK.verification.load_key(settings.public_key)
        self._profiles = ProfileCopies(settings.senders, settings.data_dir) if settings.senders else None
        self._in_memory = _copy_tls(settings)
        self._secrets = hold_in_memory(write_secrets(settings))
        self._state = self._describe()

    @property
    def descriptors(self) -> tuple[int, ...]:
        """The descriptors of files in memory that a listener must get."""
        return (*self._in_memory.values(), *self.secret_descriptors)

    @property
    def secret_descriptors(self) -> tuple[int, ...]:
        """Those of them that a store must get, too."""
        return () if self._secrets is None else (self._secrets,)

    def list_variables(self) -> dict[str, str]:
        """Return the variables that children need besides their settings."""
        return {} if self._secrets is None else {PASSED_SECRETS: str(name_descriptor(self._secrets))}

    def list_copies(self) -> dict[str, Path]:
        """Return the settings that name copies for a child that starts; those on disk are written if they are not."""
        copies = self._list_in_memory()
        if self._settings.public_key and (key_file := remember_key(self._settings.data_dir, self._key)):
            copies["public_key"] = key_file
        directory = self._profiles.write() if self._profiles else None
        if directory:
            copies["senders"] = directory
        self._state.senders = _name(self._settings.senders) if directory else None
        return copies

    def describe_state(self) -> UsedFilesState:
        """Return what `serve.json` says of them."""
        return self._state

    def _list_in_memory(self) -> dict[str, Path]:
        return {name: name_descriptor(descriptor) for name, descriptor in self._in_memory.items()}

    def _describe(self) -> UsedFilesState:
        settings = self._settings
        certificate = self._list_in_memory().get("tls_cert", settings.tls_cert)
        validity = read_validity(certificate) if certificate else None
        return UsedFilesState(
            key_fingerprint=compute_fingerprint(self._key),
            key_file=_name(settings.public_key),
            secret_files=list_secret_files(settings),
            secrets_copied=self._secrets is not None,
            tls_files=[str(path.absolute()) for path in (settings.tls_cert, settings.tls_key) if path],
            tls_copied=self._in_memory.keys() == {"tls_cert", "tls_key"},
            certificate_begins=validity.begins.isoformat() if validity else None,
            certificate_ends=validity.ends.isoformat() if validity else None,
            profile_files=self._profiles.files if self._profiles else [],
        )


def _copy_tls(settings: Settings) -> dict[str, int]:
    """Copy certificate and key into memory, and return their descriptors by the names of the settings."""
    files = {"tls_cert": settings.tls_cert, "tls_key": settings.tls_key}
    copied = {name: hold_in_memory(file.read_bytes()) for name, file in files.items() if file}
    in_memory = {name: descriptor for name, descriptor in copied.items() if descriptor is not None}
    paths = {name: name_descriptor(descriptor) for name, descriptor in in_memory.items()}
    make_tls_context(settings.model_copy(update=paths))
    return in_memory


def _name(path: Path | None) -> str | None:
    return str(path.absolute()) if path else None
