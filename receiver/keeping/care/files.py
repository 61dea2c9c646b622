"""Looks at the files in the settings, whether they can still be used, and judges that."""

import sqlite3
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from receiver.data_directory.accounts import read_learned_accounts
from receiver.data_directory.node import has_listener
from receiver.errors import KeyFileError
from receiver.keeping.care.limits import Figure, State
from receiver.network.tls import Validity, find_tls_trouble
from receiver.processes.state import ServeState
from receiver.senders import CENTURYLINK
from receiver.senders.copies import find_profile_trouble
from receiver.senders.keys import compute_fingerprint
from receiver.senders.set_up import find_unusable, is_pipe
from receiver.settings import Settings

if TYPE_CHECKING:
    from receiver.keeping.care.facts import Facts

_WITHOUT = "`serve` does not start again without it."
_AS_BEFORE = "Notifications are taken as before, but a new start of `serve` needs these files."


class SeenFiles(NamedTuple):
    """The present state of the files that the settings name.

    Args:
        key_fingerprint: the public key's; None if it is not known.
        key_is_of_shell: whether the key is that of a shell's settings, because no `serve` has noted its own.
        key_unusable: why the public key's file can't be used, a sentence as each of these.
        tls_unusable: why certificate or key, with which `serve` began, can't be used any more.
        tls_copied: whether listeners have copies of both.
        certificate: the time in which the listeners' certificate is valid; None if there is none, or it is not known.
        profiles_unusable: why profiles in CLC_SENDERS can't be used.
        profiles_copied: whether listeners and store have copies of the profiles.
        secrets_unusable: why secrets can't be used.
        secrets_copied: whether listeners have copies of the secrets.
        accounts_unread: why the learned accounts can't be read.
    """

    key_fingerprint: str | None = None
    key_is_of_shell: bool = False
    key_unusable: str | None = None
    tls_unusable: str | None = None
    tls_copied: bool = False
    certificate: Validity | None = None
    profiles_unusable: Sequence[str] = ()
    profiles_copied: bool = False
    secrets_unusable: Sequence[str] = ()
    secrets_copied: bool = False
    accounts_unread: str | None = None


def look_at_files(
    settings: Settings, serve: ServeState | None, role: str, *, is_serving: bool, in_store: bool
) -> SeenFiles:
    """Look at the files.

    Args:
        settings: name them.
        serve: what the `serve` of now, or of last, has noted.
        role: the machine's.
        is_serving: whether that `serve` runs: only its children go on with copies.
        in_store: whether this is the store's process, whose settings are those of `serve`.
    """
    unusable = find_unusable(settings, serve.secret_files if serve else ())
    noted = serve.key_fingerprint if serve else None
    own, trouble = (None, None) if noted and not in_store else _look_at_key(settings.public_key)
    if serve and serve.key_file:
        _, trouble = _look_at_key(Path(serve.key_file))
    copied = serve.senders if serve and is_serving else None
    return SeenFiles(
        key_fingerprint=own or noted,
        key_is_of_shell=not in_store and noted is None,
        key_unusable=trouble,
        tls_unusable=_look_at_tls(serve.tls_files) if serve and serve.tls_files else None,
        tls_copied=serve is not None and serve.tls_copied,
        certificate=_read_validity(serve) if serve else None,
        profiles_unusable=find_profile_trouble(Path(copied), serve.profile_files)
        if serve and copied
        else unusable.profiles,
        profiles_copied=copied is not None,
        secrets_unusable=unusable.secrets if has_listener(role) else (),
        secrets_copied=serve is not None and is_serving and serve.secrets_copied,
        accounts_unread=_find_accounts_trouble(settings) if has_listener(role) else None,
    )


def _look_at_key(file: Path | None) -> tuple[str | None, str | None]:
    """Return the fingerprint of a public key, or why it can't be used; neither of a pipe, which is not read.

    Without a file it is the published key.
    """
    if file and is_pipe(file):
        return None, None
    try:
        return compute_fingerprint(CENTURYLINK.verification.load_key(file)), None
    except KeyFileError as error:
        return None, str(error)


def _look_at_tls(files: Sequence[str]) -> str | None:
    """Say why certificate or key can't be used; None if they can, or can't be read beside `serve`."""
    cert, key = map(Path, files)
    return None if is_pipe(cert) or is_pipe(key) else find_tls_trouble(cert, key)


def _read_validity(serve: ServeState) -> Validity | None:
    if serve.certificate_begins is None or serve.certificate_ends is None:
        return None
    return Validity(*map(datetime.fromisoformat, (serve.certificate_begins, serve.certificate_ends)))


def _find_accounts_trouble(settings: Settings) -> str | None:
    if settings.accounts is None:
        return None
    try:
        read_learned_accounts(settings.learned_accounts)
    except (OSError, sqlite3.Error) as error:
        return str(error)
    return None


def judge_files(facts: "Facts") -> Iterator[Figure]:
    """Judge whether the receiver can go on with its files, and start again with them."""
    files = facts.files
    yield _describe_key(facts)
    if facts.serving and facts.serve and facts.serve.tls_files and has_listener(facts.role):
        yield _describe_certificate(facts)
    if files.accounts_unread:
        text = f"can't be read ({files.accounts_unread}): only the accounts of CLC_ACCOUNTS are accepted"
        yield Figure("learned_accounts", "Learned accounts", None, text, "red")
    if files.profiles_unusable:
        yield _describe_profiles(files)
    if files.secrets_unusable:
        yield _describe_secrets(files)


def _describe_key(facts: "Facts") -> Figure:
    """Return the key that the receiver uses, or used last."""
    key, trouble, name, label = facts.files.key_fingerprint, facts.files.key_unusable, "key_fingerprint", "Public key"
    if key is None:
        why = trouble or "CLC_PUBLIC_KEY is a pipe, which `serve` alone reads."
        return Figure(name, label, None, f"not known. {why}", "amber")
    if facts.files.key_is_of_shell:
        return Figure(name, label, key, f"not known; by this shell's settings {key}", "amber")
    words = key if facts.serving else f"{key} (of the serve that ran last)"
    if not facts.serving or trouble is None:
        return Figure(name, label, key, words)
    return Figure(name, label, key, f"{words}. {trouble} {_WITHOUT}", "amber")


def _describe_certificate(facts: "Facts") -> Figure:
    """Return until when senders trust the listeners' certificate, and whether its files are still there."""
    certificate = facts.files.certificate
    state: State = "ok"
    text, value = "until when it is valid is not known", None
    if certificate:
        text, value = f"valid until {certificate.ends:%Y-%m-%d}", certificate.ends.isoformat()
        if trouble := certificate.find_trouble(facts.at):
            text, state = trouble, "amber" if certificate.is_valid(facts.at) else "red"
    if facts.files.tls_unusable:
        after = _WITHOUT if facts.files.tls_copied else "A listener that starts again takes nothing without it."
        text = f"{text.rstrip('.')}. {facts.files.tls_unusable} {after}"
        state = "amber" if facts.files.tls_copied and state != "red" else "red"
    return Figure("certificate", "Certificate", value, text, state)


def _describe_profiles(files: SeenFiles) -> Figure:
    state: State = "red"
    after = "A listener that starts again refuses such a sender, and a store does not start."
    if files.profiles_copied:
        state, after = "amber", _AS_BEFORE
    text = f"{' '.join(files.profiles_unusable)} {after}"
    return Figure("profiles_unusable", "Unusable profiles", len(files.profiles_unusable), text, state)


def _describe_secrets(files: SeenFiles) -> Figure:
    state: State = "amber" if files.secrets_copied else "red"
    after = _AS_BEFORE if files.secrets_copied else "A listener that starts again refuses the senders that need it."
    text = f"{' '.join(files.secrets_unusable)} {after}"
    return Figure("secrets_unusable", "Unusable secrets", len(files.secrets_unusable), text, state)
