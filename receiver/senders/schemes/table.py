"""A table of a profile, whose values are read by key and refused in one sentence."""

from collections.abc import Collection, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from receiver.errors import SchemeError
from receiver.senders.schemes.template import HEADER_NAME


class Table:
    """A parsed TOML table. `path` is the key under which it stands, with a dot at its end."""

    def __init__(self, values: Mapping[str, Any], path: str = "") -> None:
        """Take the values."""
        self._values = values
        self._path = path

    def __contains__(self, key: str) -> bool:
        """Tell whether the table has a key."""
        return key in self._values

    def error(self, key: str, reason: str) -> SchemeError:
        """Return the error of a key; the reason follows the key."""
        return SchemeError(self._path + key, reason)

    def allow(self, keys: Collection[str], where: str) -> None:
        """Refuse all other keys, and name the one that is closest."""
        for key in self._values:
            if key not in keys:
                near = get_close_matches(key, keys, 1)
                hint = f"did you mean {near[0]}" if near else f"allowed are {_list(sorted(keys))}"
                raise self.error(key, f"is not known {where}; {hint}")

    def need_one_of(self, *keys: str) -> None:
        """Refuse the table unless it has exactly one of these keys."""
        if sum(key in self._values for key in keys) != 1:
            raise self.error(keys[0], f"must say where it stands; give exactly one of {_list(keys)}")

    def choose(self, key: str, allowed: Sequence[str], default: str | None = None) -> str:
        """Return one of the allowed texts."""
        value = self._values.get(key, default)
        if value is None:
            raise self.error(key, f"is missing; it is one of {_list(allowed)}")
        if value not in allowed:
            raise self.error(key, f"is {value!r}; allowed are {_list(allowed)}")
        return str(value)

    def text(self, key: str, default: str | None = None) -> str:
        """Return a text, which is not empty unless it is missing."""
        value = self._values.get(key, default)
        if not isinstance(value, str) or (key in self._values and not value):
            raise self.error(key, "must be a text that is not empty")
        return value

    def positive(self, key: str, default: int) -> int:
        """Return a whole number above 0."""
        value = self._values.get(key, default)
        if not isinstance(value, int) or isinstance(value, bool) or value <= 0:
            raise self.error(key, "must be a whole number above 0, in seconds")
        return value

    def header(self, key: str) -> str:
        """Return the name of a header."""
        name = self.text(key)
        if not HEADER_NAME.fullmatch(name):
            raise self.error(key, "must be the name of a header: letters, digits and hyphens")
        return name

    def headers(self, key: str) -> list[str]:
        """Return the name of a header, or a list of some, as a list."""
        value = self._values[key]
        names = value if isinstance(value, list) else [value]
        if not names:
            raise self.error(key, "must name a header")
        return [Table({key: name}, self._path).header(key) for name in names]

    def pointer(self, key: str) -> tuple[str, ...]:
        """Return the steps of a JSON Pointer (RFC 6901)."""
        text = self.text(key)
        if not text.startswith("/"):
            raise self.error(key, "must be a JSON Pointer, such as /signature/timestamp")
        return tuple(step.replace("~1", "/").replace("~0", "~") for step in text[1:].split("/"))

    def table(self, key: str) -> "Table":
        """Return a table within this one."""
        value = self._values[key]
        if not isinstance(value, Mapping):
            raise self.error(key, "must be a table")
        return Table(value, f"{self._path}{key}.")


def _list(keys: Sequence[str]) -> str:
    return ", ".join(keys)
