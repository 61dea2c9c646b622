"""Judges stored and archived signatures of senders with a profile again, if enough of the request is kept."""

from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import chain
from pathlib import Path
from threading import Lock
from typing import NamedTuple

import orjson

from receiver.notification import Notification
from receiver.senders.profile import Profile
from receiver.senders.schemes import KeptRequest, describe_lack, fits
from receiver.senders.set_up import Secrets, load_profiles, load_secrets, name_variable
from receiver.settings import Settings

_NO_PROFILE = "there is no profile of this sender: set CLC_SENDERS"
_FORM = "the body may have come as a form, whose own bytes are not kept"


class Unjudged(NamedTuple):
    """Why some signatures of a sender can't be judged again, and whether that is for lack of a secret or a profile.

    Without a profile nothing tells how whole notifications are checked: `noun` says which of both it is.
    """

    sender: str
    reason: str
    is_lacking: bool = False
    noun: str = "signature"


class SignatureJudge:
    """Judges signatures again, and counts those that it can't judge; threads may share it.

    Args:
        profiles: the senders by name.
        secrets: those at hand; a signature is judged under the one that judged it at receipt.
    """

    def __init__(self, profiles: Mapping[str, Profile], secrets: Secrets) -> None:
        self._profiles = profiles
        self._secrets = secrets
        self._lock = Lock()
        self.unjudged: Counter[Unjudged] = Counter()
        """How many signatures could not be judged, by the reason."""
        self.judged: Counter[str] = Counter()
        """How many could be, by sender."""

    def judge(self, row: Notification) -> bool | None:
        """Tell whether a row's signature was made by its sender, in time; None if there is none, or nothing tells."""
        if row.signature_status == "missing" and row.sender in self._profiles:
            return None
        verdict = self._find_verdict(row)
        with self._lock:
            if isinstance(verdict, Unjudged):
                self.unjudged[verdict] += 1
            elif verdict is not None:
                self.judged[row.sender] += 1
        return None if isinstance(verdict, Unjudged) else verdict

    def take_counts(self) -> tuple[Counter[str], Counter[Unjudged]]:
        """Return `judged` and `unjudged`, and begin to count anew."""
        with self._lock:
            counts = self.judged, self.unjudged
            self.judged, self.unjudged = Counter(), Counter()
            return counts

    def _find_verdict(self, row: Notification) -> bool | Unjudged | None:
        profile = self._profiles.get(row.sender)
        if profile is None:
            return Unjudged(row.sender, _NO_PROFILE, is_lacking=True, noun="notification")
        if lack := describe_lack(profile.scheme):
            return Unjudged(row.sender, lack)
        if row.signature is None:
            return False if row.signature_status == "valid" else None
        noted = row.key_fingerprint
        secrets = [each for each in self._secrets.get(row.sender, ()) if noted in {None, each.fingerprint}]
        if not secrets:
            return Unjudged(row.sender, _describe_secret(row.sender, noted), is_lacking=True)
        kept = KeptRequest(row.payload, row.signature, row.delivery_id, row.received_at)
        if any(fits(profile.scheme, secret, kept) for secret in secrets):
            return True
        return Unjudged(row.sender, _FORM) if profile.forms and _may_be_form(row.payload) else False


def load_judge(
    settings: Settings, secret_dirs: Iterable[Path] = (), former: Mapping[str, Profile] | None = None
) -> SignatureJudge:
    """Return a judge with the secrets of the settings and of other directories like CLC_SECRETS_DIR.

    `former` are the last profiles of senders, for those that have none any more.
    """
    profiles = {**(former or {}), **load_profiles(settings)}
    places = (settings, *(settings.model_copy(update={"secrets_dir": directory}) for directory in secret_dirs))
    loaded = [load_secrets(place, profiles.values()) for place in places]
    secrets = {name: tuple(chain.from_iterable(each.get(name, ()) for each in loaded)) for name in profiles}
    return SignatureJudge(profiles, secrets)


def _describe_secret(sender: str, fingerprint: str | None) -> str:
    which = f"shared secret {fingerprint[:16]}" if fingerprint else "shared secret"
    variable = name_variable(sender)
    return f"they need the {which}: set {variable} to it, or CLC_SECRETS_DIR to a directory with it in a file {sender}"


def _may_be_form(payload: bytes) -> bool:
    """Tell whether a payload is written as that of a form is, whose own bytes are not kept."""
    try:
        return orjson.dumps(orjson.loads(payload)) == payload
    except (ValueError, TypeError):  # it is no JSON, or nested too deeply to be written
        return False
