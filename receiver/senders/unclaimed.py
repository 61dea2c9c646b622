"""Finds secrets and profiles that belong to no sender, such as misspelt ones, and what has no secret."""

from collections.abc import Collection, Iterator
from difflib import get_close_matches
from pathlib import Path

from receiver.configuration import list_names
from receiver.senders.profile import FILE
from receiver.senders.set_up import load_profiles, name_variable, read_file, read_variables, split_secrets
from receiver.settings import SECRET_PREFIX, Settings

_NEARLY_TOML = (".toml", ".tml", ".tom", ".tmol", ".toml.txt")


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
