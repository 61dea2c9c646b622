"""Makes text from bodies, archives and errors safe for a terminal: it moves no cursor and changes no colour."""

import unicodedata

_HIDDEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}
_PLAIN = 0x10000


def make_visible(text: str) -> str:
    r"""Spell control and formatting characters as escapes (`\u0085`); line feeds and tabs stay."""
    if text.isprintable():
        return text
    return "".join(_escape(each) if _is_hidden(each) else each for each in text)


def _is_hidden(character: str) -> bool:
    return character not in "\n\t" and unicodedata.category(character) in _HIDDEN


def _escape(character: str) -> str:
    code = ord(character)
    return f"\\u{code:04x}" if code < _PLAIN else f"\\U{code:08x}"
