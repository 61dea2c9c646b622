"""Finds out which public keys the store's notifications were received under, and which of them are not at hand."""

from typing import NamedTuple

from receiver.database.reading import Reader
from receiver.keeping.verification.extent import schema_version_of
from receiver.program import sql_file
from receiver.senders.centurylink.public_keys import Keys
from receiver.senders.centurylink.signature import signs

_FIRST_VERSION_WITH_FINGERPRINTS = 7
_SAMPLES = 20


class LackingKey(NamedTuple):
    """A key that is not at hand: its fingerprint, None where it was not noted at receipt, and how many it judged."""

    fingerprint: str | None
    notifications: int

    def __str__(self) -> str:
        """Return it as a sentence."""
        which = f"the public key {self.fingerprint}" if self.fingerprint else "a public key that was not noted"
        return f"{self.notifications:,} notifications were received under {which}, which is not at hand"


def find_lacking_keys(reader: Reader, keys: Keys) -> list[LackingKey]:
    """List the keys under which stored notifications were received and that are not among `keys`.

    Notifications of before schema version 7 have no fingerprint: their key lacks if no key at hand signs any of the
    first of them.
    """
    noted = schema_version_of(reader) >= _FIRST_VERSION_WITH_FINGERPRINTS
    query = "received_under.sql" if noted else "received_before_keys.sql"
    judged: dict[str | None, int] = dict(reader.rows(sql_file(__package__, query), []))
    lacking = [LackingKey(name, count) for name, count in judged.items() if name is not None and name not in keys]
    if None in judged and not _sign_any(reader, keys, noted=noted):
        lacking.append(LackingKey(None, judged[None]))
    return lacking


def _sign_any(reader: Reader, keys: Keys, *, noted: bool) -> bool:
    unnoted = "AND key_fingerprint IS NULL" if noted else ""
    samples = reader.rows(sql_file(__package__, "signed_samples.sql").replace("/* unnoted */", unnoted), [_SAMPLES])
    return any(signs(key, signature, payload.encode()) for signature, payload in samples for key in keys.values())
