"""Reads tables of TOML: each value is of its type, each key is a known one, and an error names file, line and key."""

import re
import tomllib
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NoReturn

from receiver.errors import ProfileError

_WORD = r"""(?:[\w-]+|"[^"]*"|'[^']*')"""
_DOTTED = rf"{_WORD}(?:\s*\.\s*{_WORD})*"
_HEADER = re.compile(rf"\s*(\[\[?)\s*({_DOTTED})\s*\]\]?\s*(?:#.*)?")
_ENTRY = re.compile(rf"\s*({_DOTTED})\s*=")
_SYNTAX = re.compile(r"\s*\(at line (\d+), column \d+\)")
_NAMES = {str: "a text", list: "a list", bool: "true or false", datetime: "a date and time with a time zone"}

Keys = tuple[str | int, ...]


class Table:
    """A table of a profile.

    Args:
        path: the file.
        source: its text, in which lines are looked up.
        keys: the keys that lead to the table.
        values: what the table holds.
        known: the keys that it may have; None where any will do.

    Raises:
        ProfileError: it has another key.
    """

    def __init__(
        self, path: Path, source: str, keys: Keys, values: Mapping[str, Any], known: tuple[str, ...] | None
    ) -> None:
        self.path, self.source, self.keys, self.values = path, source, keys, values
        if known is not None:
            self.allow(known)

    def refuse(self, name: str | None, reason: str) -> NoReturn:
        """Raise the error of a key of this table, or for None of the table.

        Raises:
            ProfileError: always.
        """
        keys = self.keys if name is None else (*self.keys, name)
        spelled = ".".join(map(_spell, keys))
        raise ProfileError(self.path, reason, spelled or None, find_line(self.source, keys))

    def read_text(self, name: str) -> str:
        """Return a text that must be there and not be empty."""
        text = self.read_optional_text(name)
        if text is None:
            self.refuse(name, "is missing; it must be a text")
        return text

    def read_optional_text(self, name: str) -> str | None:
        """Return a text that is not empty; None where the key is missing."""
        text: str | None = self._read_typed(name, str)
        if text == "":
            self.refuse(name, "is empty; it must be a text")
        return text

    def read_texts(self, name: str, *, empty: bool = False) -> tuple[str, ...]:
        """Return the texts of a list, or a text alone as the only one; none where the key is missing.

        Args:
            name: the key.
            empty: whether a text may be empty.
        """
        value = self.values.get(name, [])
        items = [value] if isinstance(value, str) else value
        if not isinstance(items, list) or not all(isinstance(item, str) and (item or empty) for item in items):
            self.refuse(name, "must be a text or a list of texts")
        return tuple(items)

    def read_word(self, name: str, allowed: tuple[str, ...]) -> str | None:
        """Return one of some words; None where the key is missing."""
        word = self.read_optional_text(name)
        if word is not None and word not in allowed:
            self.refuse(name, f"is {word!r}; allowed are {', '.join(allowed)}")
        return word

    def choose(self, name: str, allowed: Sequence[str], default: str | None = None) -> str:
        """Return one of some words; the default, or else an error, where the key is missing."""
        word = self.values.get(name, default)
        if word is None:
            self.refuse(name, f"is missing; it is one of {', '.join(allowed)}")
        if word not in allowed:
            self.refuse(name, f"is {word!r}; allowed are {', '.join(allowed)}")
        return str(word)

    def read_positive(self, name: str, default: int) -> int:
        """Return a whole number above 0, by default another one."""
        value = self.values.get(name, default)
        if not isinstance(value, int) or isinstance(value, bool) or value <= 0:
            self.refuse(name, "must be a whole number above 0, in seconds")
        return value

    def need_one_of(self, *names: str) -> None:
        """Refuse the table unless it has exactly one of some keys."""
        if sum(map(self.has, names)) != 1:
            self.refuse(names[0], f"must say where it stands; give exactly one of {', '.join(names)}")

    def allow(self, names: Collection[str], where: str = "") -> None:
        """Refuse all other keys than some, with the nearest one; `where` says in which case they are allowed."""
        for name in self.values:
            if name not in names:
                nearest = get_close_matches(name, names, 1)
                hint = f" (did you mean {nearest[0]}?)" if nearest else ""
                self.refuse(name, f"is not known{where}{hint}; allowed are {', '.join(names)}")

    def read_flag(self, name: str) -> bool:
        """Return a truth value, false where the key is missing."""
        return bool(self._read_typed(name, bool))

    def read_time(self, name: str) -> datetime | None:
        """Return a time; None where the key is missing."""
        time: datetime | None = self._read_typed(name, datetime)
        if time is not None and time.tzinfo is None:
            self.refuse(name, f"must be {_NAMES[datetime]}")
        return time

    def has(self, name: str) -> bool:
        """Tell whether the table has a key."""
        return name in self.values

    def read_table(self, name: str, known: tuple[str, ...] | None = None) -> "Table":
        """Return a table in this one; an empty one where the key is missing."""
        values = self.values.get(name, {})
        if not isinstance(values, dict):
            self.refuse(name, "must be a table")
        return Table(self.path, self.source, (*self.keys, name), values, known)

    def list_tables(self, known: tuple[str, ...]) -> Iterator[tuple[str, "Table"]]:
        """Yield the tables in this one, each with its key."""
        for name in self.values:
            table = self.read_table(name)
            for key, value in table.values.items():
                if isinstance(value, dict) and key not in known:
                    table.refuse(key, f'is not known; a name with a dot stands in quotes: "{name}.{key}"')
            table.allow(known)
            yield name, table

    def read_tables(self, name: str, known: tuple[str, ...]) -> Iterator["Table"]:
        """Yield the tables of a list; none where the key is missing."""
        items = self.values.get(name, [])
        if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
            self.refuse(name, "must be a list of tables")
        for index, values in enumerate(items):
            yield Table(self.path, self.source, (*self.keys, name, index), values, known)

    def _read_typed(self, name: str, kind: type) -> Any:
        value = self.values.get(name)
        if value is not None and not isinstance(value, kind):
            self.refuse(name, f"must be {_NAMES[kind]}")
        return value


def read_table(path: Path, known: tuple[str, ...]) -> Table:
    """Read a file of TOML.

    Raises:
        ProfileError: it can't be read, is no TOML, or has a key that is not known.
    """
    try:
        text = path.read_text("utf-8-sig")  # some editors begin a file with a byte-order mark
        values = tomllib.loads(text)
    except OSError as error:
        raise ProfileError(path, f"it can't be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ProfileError(path, "it is not UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        place = _SYNTAX.search(str(error))
        reason = _SYNTAX.sub("", str(error)).removesuffix(".")
        line = int(place[1]) if place else None
        raise ProfileError(path, f"it is no TOML: {reason[:1].lower()}{reason[1:]}", line=line) from None
    except RecursionError:
        raise ProfileError(path, "it can't be read: its tables or lists are nested too deep") from None
    except ValueError:  # Python makes no number of thousands of digits
        raise ProfileError(path, "it can't be read: a number in it has thousands of digits") from None
    return Table(path, text, (), values, known)


def find_line(text: str, keys: Keys) -> int | None:
    """Return the line of a key, or of the nearest table around it; None where neither can be found."""
    best, found = 0, None
    table: Keys = ()
    counts: dict[Keys, int] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if header := _HEADER.fullmatch(line):
            table = here = _number_keys(_split(header[2]), header[1] == "[[", counts)
        elif entry := _ENTRY.match(line):
            here = (*table, *_split(entry[1]))
        else:
            continue
        shared = next(
            (i for i, (a, b) in enumerate(zip(here, keys, strict=False)) if a != b), min(len(here), len(keys))
        )
        if shared > best and shared in (len(here), len(keys)):
            best, found = shared, number
    return found


def _number_keys(keys: Keys, is_list: bool, counts: dict[Keys, int]) -> Keys:
    """Return the keys of a table with the numbers of the lists' items that they lead through."""
    whole: Keys = ()
    for place, key in enumerate(keys, 1):
        whole = (*whole, key)
        if whole in counts and not (is_list and place == len(keys)):
            whole = (*whole, counts[whole])
    if is_list:
        counts[whole] = counts.get(whole, -1) + 1
        whole = (*whole, counts[whole])
    return whole


def _split(dotted: str) -> Keys:
    return tuple(word.strip("\"'") for word in re.findall(_WORD, dotted))


def _spell(key: str | int) -> str:
    text = str(key) if isinstance(key, str) else str(key + 1)
    return text if re.fullmatch(r"[\w-]+", text) else f'"{text}"'
