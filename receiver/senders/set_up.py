"""The senders with a profile, and their secrets: in variables `CLC_SECRET_<SENDER>` or in files of CLC_SECRETS_DIR."""

import json
import logging
import os
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from typing import NamedTuple

from receiver.configuration import list_names, read_dot_env
from receiver.errors import ProfileError, ReceiverError, SecretError, SettingsError
from receiver.senders import load_senders
from receiver.senders.profile import FILE, Profile
from receiver.senders.schemes import FEWEST_BYTES, Secret
from receiver.settings import SECRET_PREFIX, Settings

Secrets = Mapping[str, tuple[Secret, ...]]
"""The secrets of each sender that has some, by its name."""
Variables = Mapping[str, str]
"""The variables of the environment and of `.env`, by their names in capitals."""
Texts = list[tuple[str, str]]
"""The source and the text of each secret of a sender."""
PASSED_SECRETS = "CLC_SERVE_SECRETS"
"""The variable with the file in which `serve` passes the secrets to its listeners."""
_LEFT_OUT = "%s The senders that need it are left out: make it usable, then run `clc-receiver upgrade`."
_NEARLY_TOML = (".toml", ".tml", ".tom", ".tmol", ".toml.txt")
_COMMENT = re.compile(r"#(\s|$)")
"""Secrets may begin with `#`, so a blank must follow it."""
_ENV_FILE = ".env"

_log = logging.getLogger(__name__)


class Usable(NamedTuple):
    """The profiles and secrets that a listener can use, and every text that may be a secret of any sender."""

    profiles: dict[str, Profile]
    secrets: Secrets
    texts: frozenset[str]


class Unusable(NamedTuple):
    """Why profiles in CLC_SENDERS and secrets can't be used, a sentence for each."""

    profiles: list[str]
    secrets: list[str]


def load_profiles(settings: Settings, leave_out: Callable[[ProfileError], None] | None = None) -> dict[str, Profile]:
    """Return the senders with a profile by name: the shipped ones, and those in CLC_SENDERS, which go before.

    Raises:
        SettingsError: CLC_SENDERS is no directory, or can't be read.
        ProfileError: a profile can't be used, unless `leave_out` takes its error.
    """
    senders = load_senders(settings.senders, leave_out)
    return {name: each for name, each in senders.items() if isinstance(each, Profile)}


def find_unusable(settings: Settings, secret_files: Iterable[str] = ()) -> Unusable:
    """Return why profiles, secrets, their directories or `.env` can't be used, a sentence for each.

    Args:
        settings: where they are.
        secret_files: those that were there when `serve` began.
    """
    errors: list[ReceiverError] = []
    try:
        profiles = load_profiles(settings, errors.append)
    except SettingsError as error:
        errors.append(error)
        profiles = load_profiles(settings.model_copy(update={"senders": None}))
    lost = [f"{file} is gone." for file in map(Path, secret_files) if file.parent.is_dir() and not file.exists()]
    return Unusable([*map(str, errors)], [*dict.fromkeys(_find_unusable_secrets(settings, profiles.values())), *lost])


def _find_unusable_secrets(settings: Settings, profiles: Iterable[Profile]) -> Iterator[str]:
    try:
        variables = read_variables(None if is_pipe(Path(_ENV_FILE)) else _ENV_FILE)
    except SettingsError as error:
        yield str(error)
        variables = read_variables(None)
    for _, found in find_secrets(profiles, partial(read_secrets, settings, variables=variables)):
        if isinstance(found, SettingsError):
            yield str(found)


def is_pipe(path: Path) -> bool:
    """Tell whether a file is a pipe: each reader waits for its writer, which may ask a user each time."""
    with suppress(OSError):
        return path.is_fifo()
    return False


def name_variable(name: str) -> str:
    """Return the name of the variable with a sender's secrets."""
    return SECRET_PREFIX + name.upper().replace("-", "_")


def find_secrets(
    profiles: Iterable[Profile], read: Callable[[str], Texts]
) -> Iterator[tuple[str, tuple[Secret, ...] | SettingsError]]:
    """Yield the secrets of each sender that has some, or why they can't be used; no secret is in that sentence.

    Args:
        profiles: the senders.
        read: returns what `read_secrets` does.
    """
    for profile in profiles:
        if profile.scheme.proof == "none":
            continue
        try:
            if secrets := tuple(_parse_secrets(profile, read(profile.name))):
                yield profile.name, secrets
        except SettingsError as error:
            yield profile.name, error


def load_secrets(settings: Settings, profiles: Iterable[Profile]) -> Secrets:
    """Return the secrets that are set, several of a sender while it changes them.

    Raises:
        SettingsError: one of them can't be used, or a file can't be read; the secret itself is not in the text.
    """
    loaded: dict[str, tuple[Secret, ...]] = {}
    for name, found in find_secrets(profiles, partial(read_secrets, settings, variables=read_variables())):
        if isinstance(found, SettingsError):
            raise found
        loaded[name] = found
    return loaded


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

    They are those that `serve` has passed on, or as their files are now. `serve` refuses to start with any that can't
    be used. Its listeners must be able to start again whatever has become of a file since: without a listener nobody's
    notifications are taken.
    """
    settings = _leave_out_unreadable(settings, "senders")
    profiles = load_profiles(settings, lambda error: _log.error(_LEFT_OUT, error))
    if file := os.environ.get(PASSED_SECRETS):
        passed = json.loads(Path(file).read_bytes())
        read, texts = lambda name: passed["senders"].get(name, []), passed["texts"]
    else:
        try:
            variables = read_variables()
        except SettingsError as error:
            _log.error(_LEFT_OUT, error)
            variables = read_variables(None)
        settings = _leave_out_unreadable(settings, "secrets_dir")
        read, texts = partial(read_secrets, settings, variables=variables), list_texts(settings, variables)
    secrets: dict[str, tuple[Secret, ...]] = {}
    for name, found in find_secrets(profiles.values(), read):
        if isinstance(found, SettingsError):
            _log.error(_LEFT_OUT, found)
        else:
            secrets[name] = found
    return Usable(profiles, secrets, frozenset(texts))


def _leave_out_unreadable(settings: Settings, name: str) -> Settings:
    """Return the settings without a directory that can't be used."""
    try:
        list_names_in(settings, name)
    except SettingsError as error:
        _log.error(_LEFT_OUT, error)
        return settings.model_copy(update={name: None})
    return settings


def list_secret_files(settings: Settings) -> list[str]:
    """Return the paths of the files in CLC_SECRETS_DIR that belong to senders.

    Raises:
        SettingsError: a directory can't be read.
        ProfileError: a profile can't be used.
    """
    names = set(list_names_in(settings, "secrets_dir")) & load_profiles(settings).keys()
    return [str(Path(settings.secrets_dir or "", name).absolute()) for name in sorted(names)]


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


def read_secrets(settings: Settings, name: str, variables: Variables | None = None) -> Texts:
    """Return the source and the text of each secret of a sender: those of its variable, then those of its file.

    A variable separates them by commas, a file has one a line, or keys in PEM form, beside blank lines and comments.

    Raises:
        SettingsError: the file or its directory can't be read.
    """
    variable, given = name_variable(name), read_variables() if variables is None else variables
    secrets = [(variable, text) for text in split_secrets(given.get(variable, ""))]
    if settings.secrets_dir is not None:
        path, names = settings.secrets_dir / name, list_names_in(settings, "secrets_dir")
        if name in names or path.exists():  # a file system that knows no case may list it as GitHub
            secrets += [(str(path), text) for text in read_file(path)]
    return secrets


def list_names_in(settings: Settings, name: str) -> list[str]:
    """Return the names in a directory of the settings, `senders` or `secrets_dir`; none where it is not set.

    Raises:
        SettingsError: it can't be read.
    """
    directory = getattr(settings, name)
    return list_names(directory, f"CLC_{name.upper()}") if directory else []


def list_texts(settings: Settings, variables: Variables) -> Iterator[str]:
    """Yield the texts of all secrets that can be read and are no guess, also of senders that are not known."""
    texts = [
        text
        for variable, value in variables.items()
        if variable.startswith(SECRET_PREFIX)
        for text in split_secrets(value)
    ]
    for name in list_names_in(settings, "secrets_dir"):
        with suppress(SettingsError):
            texts += read_file(Path(settings.secrets_dir or "", name))
    # A variable that is no sender's may hold any bytes.
    return (text for text in texts if len(os.fsencode(text)) >= FEWEST_BYTES)


def read_variables(env_file: str | None = _ENV_FILE) -> dict[str, str]:
    """Return all variables of the environment and of `env_file`, with names in capitals; the environment goes before.

    Raises:
        SettingsError: `env_file` can't be read.
    """
    return {name.upper(): value or "" for name, value in {**read_dot_env(env_file), **os.environ}.items()}


def split_secrets(value: str) -> list[str]:
    """Return the texts of the secrets in a variable."""
    return [text.strip() for text in value.split(",") if text.strip()]


def _parse_secrets(profile: Profile, texts: Texts) -> Iterator[Secret]:
    for source, text in texts:
        try:
            yield profile.scheme.load_secret(text)
        except SecretError as error:
            raise SettingsError(f"{source} can't be used: {error}") from None


def read_file(path: Path) -> list[str]:
    """Return the texts of the secrets in a file.

    Raises:
        SettingsError: it can't be read.
    """
    return list(_join_keys(line for line in _read_lines(path) if line and not _COMMENT.match(line)))


def _join_keys(lines: Iterable[str]) -> Iterator[str]:
    """Yield lines, but those of a key in PEM form as one text."""
    text: list[str] = []
    for line in lines:
        text.append(line)
        if not text[0].startswith("-----BEGIN ") or line.startswith("-----END "):
            yield "\n".join(text)
            text = []
    if text:
        yield "\n".join(text)


def _read_lines(path: Path) -> list[str]:
    if is_pipe(path):
        raise SettingsError(f"The secrets of {path} can't be read: it is a pipe; make it a file.")
    try:
        text = path.read_text(encoding="utf-8-sig")  # some editors begin a file with a byte-order mark
    except IsADirectoryError:
        raise SettingsError(
            f"The secrets of {path} can't be read: it is a directory; make it a file, with a secret on each line."
        ) from None
    except UnicodeDecodeError:
        raise SettingsError(f"The secrets of {path} can't be read: it is not UTF-8; save it as UTF-8.") from None
    except OSError as error:
        raise SettingsError(
            f"The secrets of {path} can't be read ({error.strerror}); let this user read it, or remove it."
        ) from None
    return [line.strip() for line in text.splitlines()]


def find_unclaimed(settings: Settings) -> list[str]:
    """Return a sentence for each secret and profile that is set and belongs to no sender, and so is ignored.

    A file or a variable of a sender that has no secret is named, too.

    Raises:
        SettingsError: a directory or `.env` can't be read.
        ProfileError: a profile can't be used.
    """
    profiles = load_profiles(settings)
    signing = {name for name, each in profiles.items() if each.scheme.proof != "none"}
    sentences = [*_find_variables(signing)]
    if settings.secrets_dir is not None:
        sentences += _find_files(settings.secrets_dir, signing)
    if settings.senders is not None:
        sentences += _find_profiles(settings.senders, {profile.path for profile in profiles.values()})
    return sentences


def _find_variables(names: Collection[str]) -> Iterator[str]:
    known = {name_variable(name) for name in names}
    given = {name: value for name, value in read_variables().items() if name.startswith(SECRET_PREFIX)}
    for variable, value in sorted(given.items()):
        if variable in known and not split_secrets(value):
            yield f"{variable} has no secret and is ignored."
        elif variable not in known and value:
            yield _describe(f"{variable} is the secret of no sender", get_close_matches(variable, known, 1, 0.8))


def _find_files(directory: Path, names: Collection[str]) -> Iterator[str]:
    listed = list_names(directory, "CLC_SECRETS_DIR")
    for name in listed:
        if name in names and not read_file(directory / name):
            yield f"{directory / name} has no secret and is ignored; a comment begins with # and a blank."
        if name in names or name.startswith("."):
            continue
        nearest = name.lower().partition(".")[0].replace("_", "-")
        if nearest == name.lower() and nearest not in listed and (directory / nearest).exists():
            continue  # the file system knows no case, so it is that sender's
        close = [nearest] if nearest in names else get_close_matches(nearest, names, 1, 0.8)
        yield _describe(f"{directory / name} has the secrets of no sender", close)


def _find_profiles(directory: Path, loaded: Collection[Path]) -> Iterator[str]:
    for pattern in ("*", "*/*", "*/*/*"):
        for path in sorted(directory.glob(pattern)):
            form = next((end for end in _NEARLY_TOML if path.name.lower().endswith(end)), None)
            if form is None or path in loaded or path.name.startswith("."):
                continue
            try:
                if not path.is_file():
                    continue
            except OSError as error:
                yield f"{path} can't be read ({error.strerror}) and is ignored."
                continue
            inside = path.parent != directory
            folder = directory / path.relative_to(directory).parts[0]
            nearest = folder / FILE if inside else path.with_name(path.name[: -len(form)] + ".toml")
            yield _describe(f"{path} is no profile", [] if nearest in loaded else [str(nearest)])


def _describe(what: str, nearest: list[str]) -> str:
    return f"{what} and is ignored" + (f"; did you mean {nearest[0]}?" if nearest else ".")
