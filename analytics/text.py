"""Shows text and payloads from outside safely: control characters become visible, long text is cut, markup inert."""

import re
import unicodedata
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import orjson

ELLIPSIS = "…"
INVISIBLE = {"Cc", "Cf", "Cs", "Zl", "Zp"}
BLANK_SIGNS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
"""Letters and signs of other categories that draw nothing, such as U+3164, the filler of Hangul."""
KEPT_JOINERS = {"\u200c", "\u200d"}  # scripts and emoji need them, and they can't reorder anything
JOINING = "\u200c\u200d\u180b-\u180f\ufe00-\ufe0f\U000e0100-\U000e01ef"
IDLE = re.compile(rf"(?<=[!-~\u00c0-\u024f\u0370-\u052f])[{JOINING}]+(?!\u20e3)")
"""Joiners and selectors of a form that change nothing: a name with one looks like the name without."""
LINES = "\n\t"
"""The characters that lay out a text of several lines."""
DELETE = b"\x7f"
MARKDOWN = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~$:@&^=])")
QUOTED = re.compile(r'"(.+)"', re.DOTALL)
MOST_FIELDS = 500
DEEPEST = 60
TOO_DEEP = "… deeper than is shown here; see the raw text"


def make_visible(text: str, keep: str = "") -> str:
    r"""Spell control and formatting characters as escapes (`\u202e`), except those in `keep`.

    Bidirectional controls are among them: they make text read differently from what it is.
    """
    if text.isascii() and text.isprintable():
        return text
    text = escape_idle(text, as_escape)
    return "".join(as_escape(character) if is_hidden(character, keep) else character for character in text)


def escape_idle(text: str, escape: Callable[[str], str]) -> str:
    """Spell joiners and selectors that change nothing as escapes."""
    return IDLE.sub(lambda idle: "".join(map(escape, idle[0])), text)


def is_hidden(character: str, keep: str) -> bool:
    """Say whether a character can't be seen itself."""
    if character in keep or character in KEPT_JOINERS:
        return False
    return character in BLANK_SIGNS or unicodedata.category(character) in INVISIBLE


def as_escape(character: str) -> str:
    """Return the escape of one character, as JSON and Python write it."""
    named = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
    code = ord(character)
    return named.get(character) or (f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}")  # noqa: PLR2004 - 16 bits


def make_json_visible(line: bytes) -> bytes:
    r"""Spell control and formatting characters in JSON as JSON's own escapes (`\u0080`); the meaning stays.

    Args:
        line: JSON in UTF-8, which has such characters in strings only; a line feed at its end stays.
    """
    if line.isascii() and DELETE not in line:
        return line
    text = escape_idle(line.decode(), as_json_escape)
    if text.removesuffix("\n").isprintable() and BLANK_SIGNS.isdisjoint(text):
        return text.encode()
    return "".join(as_json_escape(each) if is_hidden(each, "\n") else each for each in text).encode()


def as_json_escape(character: str) -> str:
    """Return the escape of one character in JSON: two escapes for a character beyond 16 bits."""
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))


def make_name_visible(name: str) -> str:
    """Make a name visible: one of blanks alone stands in quotes, because nothing would be seen of it."""
    seen = make_visible(name)
    return f"“{seen}”" if seen and all(map(is_blank, seen)) else seen


def is_blank(character: str) -> bool:
    """Say whether a character draws nothing by itself; marks, such as those that vary a sign, stand on another one."""
    return character.isspace() or character in KEPT_JOINERS or unicodedata.category(character) == "Mn"


def shorten(text: str, length: int = 60) -> str:
    """Make the text visible as a name and cut it to `length` characters, with an ellipsis."""
    return make_name_visible(cut_visible(text, length))


def cut_visible(text: str, length: int) -> str:
    """Make the text visible and cut it to `length` characters, with an ellipsis."""
    seen = make_visible(text[: length + 1])
    return seen if len(seen) <= length and len(text) <= length else seen[: length - 1] + ELLIPSIS


def as_markdown(text: str) -> str:
    """Return Markdown that shows the text unchanged, for widgets with Markdown labels."""
    return MARKDOWN.sub(r"\\\1", make_visible(text))


def capitalize(text: str) -> str:
    """Return a text with its first letter in upper case, and all else as it is."""
    return text[:1].upper() + text[1:]


def add_article(noun: str) -> str:
    """Return a noun after `a` or `an`, as its first letter sounds in most words."""
    return f"an {noun}" if noun[:1].lower() in {*"aeio"} else f"a {noun}"


def format_count(number: int, singular: str, many: str | None = None) -> str:
    """Return the number, with its thousands separated, and the word in the right form."""
    return f"{number:,} {singular if number == 1 else many or singular + 's'}"


class Field(NamedTuple):
    """One value of a payload, with the path to it."""

    path: str
    value: str


def parse_payload(payload: str) -> Any:
    """Return the parsed payload; None where it can't be parsed here (too deep, or with numbers past all bounds)."""
    try:
        return orjson.loads(payload)
    except orjson.JSONDecodeError:
        return None


def make_payload_visible(value: Any, depth: int = 0) -> Any:
    """Return a parsed payload with all its text made visible, cut where it is too deep."""
    if depth > DEEPEST:
        return TOO_DEEP
    if isinstance(value, str):
        return make_visible(value, LINES)
    if isinstance(value, dict):
        return {make_visible(key): make_payload_visible(inner, depth + 1) for key, inner in value.items()}
    if isinstance(value, list):
        return [make_payload_visible(inner, depth + 1) for inner in value]
    return value


def list_fields(value: Any, path: str = "", depth: int = 0) -> Iterator[Field]:
    """Yield the values at the ends of a parsed payload, in its order."""
    if isinstance(value, dict) and value and depth <= DEEPEST:
        for key, inner in value.items():
            yield from list_fields(inner, f"{path}.{make_visible(key)}" if path else make_visible(key), depth + 1)
    elif isinstance(value, list) and value and depth <= DEEPEST:
        for place, inner in enumerate(value):
            yield from list_fields(inner, f"{path}[{place}]", depth + 1)
    elif isinstance(value, str):
        yield Field(path, make_visible(value))
    elif isinstance(value, (dict, list)) and value:
        yield Field(path, TOO_DEEP)
    else:
        yield Field(path, orjson.dumps(value).decode())


def join_names(names: list[str], last: str) -> str:
    """Join names for a sentence, with a word before the last."""
    return f" {last} ".join(filter(None, (", ".join(names[:-1]), *names[-1:])))


def quote(name: str | None) -> str | None:
    """Return the text of a filter for just this name; without quotes a filter is for a part of names."""
    return f'"{name}"' if name else None


def read_quoted(text: str | None) -> str | None:
    """Return the name in quotes of a filter's text; None where the text is a part of names."""
    quoted = QUOTED.fullmatch(text or "")
    return quoted[1] if quoted else None
