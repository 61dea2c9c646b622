"""Reads the profiles of a directory, and those that are shipped."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from receiver.errors import ProfileError
from receiver.senders.profile.profile import Profile
from receiver.senders.profile.reading import load_profile

FILE = "profile.toml"
_OF_THE_DISK = "lost+found"
_SHIPPED = Path(__file__).parents[1]


def load_directory(directory: Path, leave_out: Callable[[ProfileError], None] | None = None) -> dict[str, Profile]:
    """Read the profiles `NAME.toml` and `NAME/profile.toml` of a directory, by name.

    Args:
        directory: has the profiles.
        leave_out: called with the error of each profile that is not usable; the others are returned.

    Raises:
        ProfileError: without `leave_out`, one is not usable, is named unlike its file, or there are two of one name.
    """
    profiles: dict[str, Profile] = {}
    for path in sorted(_find_profiles(directory)):
        try:
            profile = _load(directory, path, profiles)
        except ProfileError as error:
            if leave_out is None:
                raise
            leave_out(error)
        else:
            profiles[profile.name] = profile
    return profiles


def _load(directory: Path, path: Path, others: Mapping[str, Profile]) -> Profile:
    profile = load_profile(path)
    if path == directory / FILE and profile.name != path.stem:
        above = directory.resolve().parent
        raise ProfileError(path, f"CLC_SENDERS names its own directory; let it name the one above, {above}")
    if path != directory / FILE:
        check_name(profile)
    if profile.name in others:
        raise ProfileError(path, f"is {profile.name!r}, as in {others[profile.name].path}; keep one", "name")
    return profile


def _find_profiles(directory: Path) -> Iterator[Path]:
    """Yield the profiles of a directory, and those that may be in a directory in it that can't be read.

    Hidden files are none: editors and systems put some beside those that people write, such as `.#acme.toml`.
    """
    for path in directory.iterdir():
        if path.name.startswith("."):
            continue
        if path.suffix.lower() == ".toml":
            yield path
        elif path.name != _OF_THE_DISK and path.is_dir():
            try:
                (path / FILE).stat()
            except FileNotFoundError:
                continue
            except OSError:
                pass  # reading it fails, too
            yield path / FILE


def check_name(profile: Profile) -> None:
    """Check that a profile has the name of its file, `NAME.toml` or `NAME/profile.toml`.

    Raises:
        ProfileError: it has another.
    """
    path = profile.path.absolute()
    stem = path.parent.name if path.name == FILE else path.stem
    if profile.name != stem.replace("_", "-"):
        raise ProfileError(
            profile.path, f"is {profile.name!r}, and the file is that of {stem!r}; let both be the same", "name"
        )


def load_shipped() -> dict[str, Profile]:
    """Read the profiles that belong to the program, by name.

    Raises:
        ProfileError: one is not usable.
    """
    return load_directory(_SHIPPED)
