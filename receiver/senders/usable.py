"""The profiles and secrets that a listener can use: as `serve` has passed them on, or as their files are now."""

import json
import logging
import os
from pathlib import Path
from typing import NamedTuple

from receiver.errors import SettingsError
from receiver.senders.profile import Profile
from receiver.senders.schemes import Secret
from receiver.senders.set_up import (
    Secrets,
    Variables,
    list_names_in,
    list_texts,
    load_profiles,
    load_secrets,
    parse_secrets,
    read_secrets,
    read_variables,
)
from receiver.settings import Settings

PASSED_SECRETS = "CLC_SERVE_SECRETS"
"""The variable with the file in which `serve` passes the secrets to its listeners."""
_LEFT_OUT = "%s The senders that need it are left out: make it usable, then run `clc-receiver upgrade`."

_log = logging.getLogger(__name__)


class Usable(NamedTuple):
    """The profiles and secrets that a listener can use, and every text that may be a secret of any sender."""

    profiles: dict[str, Profile]
    secrets: Secrets
    texts: frozenset[str]


def write_secrets(settings: Settings) -> bytes:
    """Write the secrets for listeners: those of each sender with a profile, and the texts of all.

    Raises:
        SettingsError: a file can't be read.
        ProfileError: a profile can't be used.
    """
    variables = read_variables()
    senders = {name: read_secrets(settings, name, variables) for name in load_profiles(settings)}
    return json.dumps({"senders": senders, "texts": list(list_texts(settings, variables))}).encode()


def load_usable(settings: Settings) -> Usable:
    """Return the profiles and secrets that can be used, and log what is left out.

    `serve` refuses to start with any that can't be used. Its listeners must be able to start again whatever has become
    of a file since: without a listener nobody's notifications are taken.
    """
    settings = _leave_out_unreadable(settings, "senders")
    profiles = load_profiles(settings, lambda error: _log.error(_LEFT_OUT, error))
    if passed := os.environ.get(PASSED_SECRETS):
        return _use_passed(profiles, Path(passed))
    variables = _read_usable_variables()
    settings = _leave_out_unreadable(settings, "secrets_dir")
    secrets = dict[str, tuple[Secret, ...]]()
    for profile in profiles.values():
        try:
            secrets |= load_secrets(settings, [profile], variables)
        except SettingsError as error:
            _log.error(_LEFT_OUT, error)
    return Usable(profiles, secrets, frozenset(list_texts(settings, variables)))


def _use_passed(profiles: dict[str, Profile], file: Path) -> Usable:
    """Add the secrets that `write_secrets` wrote."""
    passed = json.loads(file.read_bytes())
    secrets = dict[str, tuple[Secret, ...]]()
    for name, texts in passed["senders"].items():
        if texts and name in profiles and profiles[name].scheme.proof != "none":
            try:
                secrets[name] = tuple(parse_secrets(profiles[name], texts))
            except SettingsError as error:  # the profile is another than it was
                _log.error(_LEFT_OUT, error)
    return Usable(profiles, secrets, frozenset(passed["texts"]))


def _read_usable_variables() -> Variables:
    """Return the variables, of `.env` unless it can't be read."""
    try:
        return read_variables()
    except SettingsError as error:
        _log.error(_LEFT_OUT, error)
        return read_variables(None)


def _leave_out_unreadable(settings: Settings, name: str) -> Settings:
    """Return the settings without a directory that can't be used."""
    try:
        list_names_in(settings, name)
    except SettingsError as error:
        _log.error(_LEFT_OUT, error)
        return settings.model_copy(update={name: None})
    return settings
