"""Copies of profiles in the data directory.

Those of CLC_SENDERS are for listeners and the store, which start again with them if the files are gone. Those under
which notifications were received are for `clc-receiver verify`, which derives columns again with them.
"""

import asyncio
import logging
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

from receiver.errors import ProfileError, SettingsError
from receiver.files import make_directory, write_whole
from receiver.senders import load_senders
from receiver.senders.profile import DERIVATION, Profile, load_directory, load_profile

DIRECTORY = "used_profiles"
"""The directory of the copies in the data directory."""
REMEMBERED = "remembered_profiles"
"""The directory, there, of the profiles under which notifications were received."""
_SAVED = re.compile(r".+-[0-9a-f]{64}-(\d{1,9})")
"""The name of a saved profile, with the version of the derivation; older programs and people write others."""
_AGAIN_SECONDS = 10.0

_log = logging.getLogger(__name__)


class ProfileCopies:
    """The profiles of a directory as they are now, and their copies in the data directory.

    Args:
        directory: that of CLC_SENDERS.
        data_dir: the data directory.

    Raises:
        ReceiverError: the directory or a profile can't be used.
        OSError: a file can't be read any more.
    """

    def __init__(self, directory: Path, data_dir: Path) -> None:
        senders = load_senders(directory).values()
        own = [each for each in senders if isinstance(each, Profile) and each.path.is_relative_to(directory)]
        self.files = sorted(str(profile.path.absolute()) for profile in own)
        """The profiles' own files."""
        self._directory = directory
        self._target = data_dir / DIRECTORY
        self._contents = {self._target / each.path.relative_to(directory): each.path.read_bytes() for each in own}

    def write(self) -> Path | None:
        """Write the copies that are missing or differ, and return their directory; if that fails, log why.

        None are written if CLC_SENDERS lies there: they would undo what somebody writes into it.
        """
        try:
            if self._directory.resolve().is_relative_to(self._target.resolve()):
                return None
            self._clear()
            make_directory(self._target)
            for path, content in self._contents.items():
                if not path.is_file() or path.read_bytes() != content:
                    make_directory(path.parent)
                    write_whole(path, content)
            load_directory(self._target)
        except (OSError, ProfileError) as error:
            _log.error("the profiles in CLC_SENDERS can't be copied to %s: %s", self._target, error)
            return None
        return self._target

    def _clear(self) -> None:
        """Remove what is no copy: one may need the name of a directory that was a file, or of a file that was one."""
        directories = {parent for path in self._contents for parent in path.parents}
        for path in sorted(self._target.rglob("*"), reverse=True):  # what is in a directory before the directory
            if path.is_dir() and not path.is_symlink():
                if path not in directories:
                    path.rmdir()
            elif path not in self._contents:
                path.unlink()


def find_profile_trouble(directory: Path, files: list[str]) -> list[str]:
    """Say which profiles can't be used any more, and why, a sentence for each.

    Args:
        directory: that of CLC_SENDERS.
        files: the profiles that were there when `serve` began.
    """
    errors: list[str] = []
    try:
        load_senders(directory, lambda error: errors.append(str(error)))
    except SettingsError as error:
        return [str(error)]
    return errors + [f"{file} is gone." for file in files if not os.path.lexists(file)]


def remember_profiles(data_dir: Path, profiles: Iterable[Profile]) -> dict[Path, bytes]:
    """Save profiles before notifications are received under them; log which can't be saved, and return those."""
    contents = dict[Path, bytes]()
    for profile in profiles:
        try:
            content = profile.path.read_bytes()
        except OSError as error:
            _log.error("the profile %s could not be kept: %s; `clc-receiver verify` needs it", profile.path, error)
        else:
            name = f"{profile.name}-{sha256(content).hexdigest()}-{profile.derivation}.toml"
            contents[data_dir / REMEMBERED / name] = content
    return _save(contents, logging.ERROR)


async def save_later(unsaved: Mapping[Path, bytes]) -> None:
    """Try again to save profiles, until all are saved."""
    while unsaved:
        await asyncio.sleep(_AGAIN_SECONDS)
        before, unsaved = unsaved, await asyncio.to_thread(_save, unsaved, logging.DEBUG)
        for path in before.keys() - unsaved.keys():
            _log.info("the profile %s is kept now", path)


def _save(contents: Mapping[Path, bytes], level: int) -> dict[Path, bytes]:
    """Write the files that are not there, and return those that can't be written, which are logged."""
    unsaved = dict[Path, bytes]()
    for path, content in contents.items():
        try:
            if not path.is_file():
                make_directory(path.parent)
                write_whole(path, content)
        except OSError as error:
            unsaved[path] = content
            said = "the profile %s could not be kept, which is tried again: %s; `clc-receiver verify` needs it"
            _log.log(level, said, path, error)
    return unsaved


def load_remembered_profiles(
    data_dir: Path, leave_out: Callable[[ProfileError], None] = lambda _: None
) -> dict[str, list[Profile]]:
    """Return the saved profiles by their senders, the newest last, once for each derivation that they were used with.

    Args:
        data_dir: the data directory.
        leave_out: called with the error of each profile that this version can't use.
    """
    remembered: dict[str, list[Profile]] = {}
    for path in sorted((data_dir / REMEMBERED).glob("*.toml"), key=_find_age):
        try:
            profile = load_profile(path)
        except ProfileError as error:
            leave_out(error)
        else:
            remembered.setdefault(profile.name, []).extend(_list_derivations(profile))
    return remembered


def _find_age(path: Path) -> tuple[float, str]:
    try:
        return path.stat().st_mtime, path.name
    except OSError:
        return 0.0, path.name


def _list_derivations(profile: Profile) -> Iterator[Profile]:
    """Yield a saved profile as the program of then used it; where its name does not tell, as each may have."""
    named = _SAVED.fullmatch(profile.path.stem)
    for version in [int(named[1])] if named else range(1, DERIVATION + 1):
        yield replace(profile, derivation=version)
