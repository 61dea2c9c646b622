"""Paths of differences: words and items, `members[octocat].role`, and templates of them filled from a body."""

import json
import re
from collections.abc import Sequence
from typing import Any, Final

from receiver.senders.profile.sources import Read, Request, compile_template
from receiver.senders.sender import Item, PathPart

PathTemplate = tuple[tuple[bool, Read | str], ...]
"""The parts of a path: whether each is an item, and its text or how it is read."""

_NO_HEADERS: Final[dict[str, str]] = {}
_TEXT = r"(?:\{[^{}]*\}|[^\[\].{}\"])+"
_QUOTED = r'"(?:[^"\\]|\\.)*"'
_PART = re.compile(rf"(?:(?:^|\.)(?P<word>{_TEXT}|{_QUOTED})|\[(?P<item>{_QUOTED}|(?:\{{[^{{}}]*\}}|[^\[\]{{}}])+)\])")


def compile_path(text: str) -> PathTemplate:
    """Read the template of a path, such as `branch_protection_rules[{/rule/name}]`.

    Raises:
        ValueError: it is none.
    """
    parts: list[tuple[bool, Read | str]] = []
    end = 0
    while end < len(text):
        match = _PART.match(text, end)
        if match is None or (not parts and match["word"] is None):
            raise ValueError(
                f"is {text!r}; allowed are words joined by dots and items in brackets: members[{{/user/id}}]"
            )
        end = match.end()
        piece = match["word"] or match["item"]
        filled: Read | str = json.loads(piece) if piece.startswith('"') else piece
        if "{" in piece and isinstance(filled, str) and not piece.startswith('"'):
            filled = compile_template(piece, headers=False)
        parts.append((match["word"] is None, filled))
    return tuple(parts)


def fill_path(template: PathTemplate, body: Any) -> tuple[PathPart, ...] | None:
    """Return a template's path for a body; None where the body lacks one of its values."""
    request = Request(None, _NO_HEADERS, body)
    parts: list[PathPart] = []
    for is_item, piece in template:
        text = piece if isinstance(piece, str) else piece(request)
        if text is None:
            return None
        parts.append(Item(text) if is_item else text)
    return tuple(parts)


def parse_path(text: str) -> tuple[PathPart, ...]:
    """Return the parts of a path as `changes.path` has it.

    Raises:
        ValueError: it is none.
    """
    return fill_path(compile_path(text), {}) or ()


def spell_path(parts: Sequence[PathPart]) -> str:
    """Write a path for a person."""
    return "".join(f"[{part.key}]" if isinstance(part, Item) else f".{part}" for part in parts).removeprefix(".")
