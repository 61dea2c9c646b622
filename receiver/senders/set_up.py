"""The senders with a profile, and their secrets: in variables `CLC_SECRET_<SENDER>` or in files of CLC_SECRETS_DIR."""

import logging
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from receiver.configuration import list_names, read_dot_env
from receiver.errors import ReceiverError, SecretError, SettingsError
from receiver.senders import load_senders
from receiver.senders.profile import Profile
from receiver.senders.schemes import Secret
from receiver.settings import SECRET_PREFIX, Settings

Secrets = Mapping[str, tuple[Secret, ...]]
"""The secrets of each sender that has some, by its name."""
_COMMENT = re.compile(r"#(\s|$)")
"""Secrets may begin with `#`, so a blank must follow it."""
_ENV_FILE = ".env"
_LEFT_OUT = "%s The senders that need it are left out: make it usable, then run `clc-receiver upgrade`."

_log = logging.getLogger(__name__)


def load_profiles(settings: Settings) -> dict[str, Profile]:
    """Return the senders with a profile by name: the shipped ones, and those in CLC_SENDERS, which go before.

    Raises:
        SettingsError: CLC_SENDERS is no directory, or can't be read.
        ProfileError: a profile can't be used.
    """
    return {name: each for name, each in load_senders(settings.senders).items() if isinstance(each, Profile)}


def name_variable(name: str) -> str:
    """Return the name of the variable with a sender's secrets."""
    return SECRET_PREFIX + name.upper().replace("-", "_")


def load_usable(settings: Settings) -> tuple[dict[str, Profile], Secrets]:
    """Return the profiles and secrets that can be used, and log what is left out.

    `serve` refuses to start with any that can't be used. Its listeners must be able to start again whatever has become
    of a file since: without a listener nobody's notifications are taken.
    """
    settings, env_file = _leave_out_unreadable(settings)
    profiles, secrets = load_profiles(settings), dict[str, tuple[Secret, ...]]()
    for profile in profiles.values():
        try:
            secrets |= load_secrets(settings, [profile], env_file)
        except SettingsError as error:
            _log.error(_LEFT_OUT, error)
    return profiles, secrets


def _leave_out_unreadable(settings: Settings) -> tuple[Settings, str | None]:
    """Return the settings without directories that can't be used, and `.env` unless it can't be."""
    env_file: str | None = _ENV_FILE
    try:
        read_dot_env(env_file)
    except SettingsError as error:
        _log.error(_LEFT_OUT, error)
        env_file = None
    for name, use in (("senders", load_profiles), ("secrets_dir", _list_secrets)):
        try:
            use(settings)
        except ReceiverError as error:
            _log.error(_LEFT_OUT, error)
            settings = settings.model_copy(update={name: None})
    return settings, env_file


def load_secrets(settings: Settings, profiles: Iterable[Profile], env_file: str | None = _ENV_FILE) -> Secrets:
    """Return the secrets that are set, several of a sender while it changes them.

    Raises:
        SettingsError: one of them can't be used, or a file can't be read; the secret itself is not in the text.
    """
    signing = (profile for profile in profiles if profile.scheme.proof != "none")
    loaded = {profile.name: tuple(_load(settings, profile, env_file)) for profile in signing}
    return {name: secrets for name, secrets in loaded.items() if secrets}


def find_taken(settings: Settings) -> tuple[list[str], list[str]]:
    """Return the names of the senders that are taken, and of those in CLC_SENDERS that lack a secret.

    Raises:
        SettingsError: CLC_SENDERS is no directory, or it or a secret can't be used.
        ProfileError: a profile can't be used.
    """
    profiles = load_profiles(settings)
    secrets = load_secrets(settings, profiles.values())
    taken = [name for name, each in profiles.items() if name in secrets or each.scheme.proof == "none"]
    own = [name for name, each in profiles.items() if settings.senders and each.path.is_relative_to(settings.senders)]
    return sorted(taken), sorted(set(own).difference(taken))


def make_target_url(settings: Settings, address: str, name: str) -> str:
    """Return a sender's target URL at a listener's address; `CLC_URL_SECRET` stands for the secret in it."""
    scheme = "https" if settings.tls_cert else "http"
    part = "CLC_URL_SECRET/" if settings.url_secret else ""
    return f"{scheme}://{address}/senders/{part}{name}"


def read_secrets(settings: Settings, name: str, env_file: str | None = _ENV_FILE) -> list[tuple[str, str]]:
    """Return the source and the text of each secret of a sender: those of its variable, then those of its file.

    A variable separates them by commas, a file has one a line, beside blank lines and comments.

    Raises:
        SettingsError: the file or its directory can't be read.
    """
    variable = name_variable(name)
    given = {name.upper(): value or "" for name, value in {**read_dot_env(env_file), **os.environ}.items()}
    secrets = [(variable, text.strip()) for text in given.get(variable, "").split(",")]
    if settings.secrets_dir is not None:
        path, names = settings.secrets_dir / name, _list_secrets(settings)
        if name in names or path.exists():  # a file system that knows no case may list it as GitHub
            secrets += [(str(path), line) for line in _read_lines(path) if not _COMMENT.match(line)]
    return [(source, text) for source, text in secrets if text]


def has_comments_alone(path: Path) -> bool:
    """Tell whether a file of secrets has comments and no secret.

    Raises:
        SettingsError: the file can't be read.
    """
    lines = [line for line in _read_lines(path) if line]
    return bool(lines) and all(map(_COMMENT.match, lines))


def _list_secrets(settings: Settings) -> list[str]:
    return list_names(settings.secrets_dir, "CLC_SECRETS_DIR") if settings.secrets_dir else []


def _load(settings: Settings, profile: Profile, env_file: str | None) -> Iterable[Secret]:
    for source, text in read_secrets(settings, profile.name, env_file):
        try:
            yield profile.scheme.load_secret(text)
        except SecretError as error:
            raise SettingsError(f"{source} can't be used: {error}") from None


def _read_lines(path: Path) -> list[str]:
    try:
        text = path.read_text(encoding="utf-8-sig")  # some editors begin a file with a byte-order mark
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"The secrets of {path} can't be read: {error}.") from None
    return [line.strip() for line in text.splitlines()]
