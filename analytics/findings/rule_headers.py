"""The header of an audit rule: its fields, and messages about wrong ones."""

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, model_validator

# Colours are for a light and a dark page; marks distinguish severities without colour.
COLOURS: Mapping[str, tuple[str, str]] = {
    "high": ("#c22f45", "#ea6a7b"),
    "medium": ("#e08a00", "#f0a53c"),
    "low": ("#7f95ab", "#8ea4ba"),
}
MARKS: Mapping[str, str] = {"high": "▲ high", "medium": "◆ medium", "low": "● low"}
Severity = Literal["high", "medium", "low"]
SEVERITIES: tuple[Severity, ...] = ("high", "medium", "low")
"""From the worst down."""

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z_][a-z0-9_]*$")]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Notifications(_Model):
    """One notification of an example, or several similar ones.

    `sender` is None for the sender whose URLs name the events; only its `event` must be there. In the body, `{{n}}` is
    1, 2 and so on, and `{{at}}` is the time of receipt in UTC in the platform's format.
    """

    sender: Text | None = None
    event: Text | None = None
    headers: dict[Text, Text] = {}
    at: AwareDatetime
    body: Text
    times: Annotated[int, Field(ge=1, le=1000)] = 1
    every_seconds: Annotated[float, Field(ge=0)] = 0

    @model_validator(mode="after")
    def _check_event(self) -> Self:
        if self.sender is None and self.event is None:
            raise ValueError("it must have an event, or a sender whose headers or body name the event")
        return self


class Example(_Model):
    """A short sequence of notifications, and the findings in it.

    Args:
        title: the events in words.
        notifications: the sequence.
        expected: for each finding, in order of time, a part of `severity entity: sentence`.
    """

    title: Text
    notifications: Annotated[list[Notifications], Field(min_length=1)]
    expected: list[Text] = []


class FiringExample(Example):
    """An example with findings."""

    expected: Annotated[list[Text], Field(min_length=1)]


class SilentExample(Example):
    """An example without findings."""

    expected: Annotated[list[Text], Field(max_length=0)] = []


class Header(_Model):
    """A rule's description of itself."""

    title: Text
    severity: Severity
    why: Text
    todo: Text
    reasons: dict[Severity, Text] = {}
    everyday: Text | None = None
    references: list[Text] = []
    parameters: dict[Name, bool | int | float | str] = {}
    fires: list[FiringExample] = []
    silent: list[SilentExample] = []


def find_line(toml: str, where: Sequence[int | str]) -> int:
    """Return the line of a key in a header, else of the nearest key around it, else the first line.

    Args:
        toml: the header's text.
        where: the path to the key, as keys and list positions, such as `("fires", 0, "title")`.
    """
    place = 0
    for position, key in enumerate(where):
        if isinstance(key, int):
            continue
        name = re.escape(key)
        pattern = re.compile(rf"""^[ \t]*(?:\[+(?:[\w.]+\.)?{name}\]+|["']?{name}["']?[ \t]*=)""", re.MULTILINE)
        places = [match.start() for match in pattern.finditer(toml, place)]
        if not places:
            break
        following = where[position + 1] if position + 1 < len(where) else 0
        place = places[min(following, len(places) - 1)] if isinstance(following, int) else places[0]
    return 1 + toml.count("\n", 0, place)


def describe_error(error: Any) -> str:
    """Return a sentence for one of pydantic's errors about a header."""
    where = ".".join(str(part) for part in error["loc"] if not isinstance(part, int) and part != "[key]")
    match error["type"]:
        case "missing":
            return f"The header lacks {where}."
        case "extra_forbidden":
            return f"The header has a key {where}, which means nothing here."
        case "literal_error":
            return f"{where} is {error['input']!r}; it must be {error['ctx']['expected']}."
        case "bool_type":  # the first of the types that a parameter may have
            where = where.removesuffix(".bool")
            return f"{where} is {error['input']!s:.60}; it must be a number, true, false, or a text, as a time is."
        case _:
            return f"{where} is {error['input']!r:.60}: {error['msg']}."
