"""Makes text safe to open in a spreadsheet, which takes a cell that begins with =, +, - or @ for a formula."""

import unicodedata

APOSTROPHE = "'"
STARTS_FORMULA = frozenset("=+-@\u2212")
STARTS_ELSEWHERE = frozenset("\t\r\n")
UNSEEN = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp", "Zs", "Mn", "Me"})


def is_formula(text: str) -> bool:
    """Say whether a spreadsheet may take text for a formula.

    Spaces and characters that can't be seen are passed over, as some programs drop them, and the wide and small forms
    of the signs count as the signs, as some programs take them so. A tab or the end of a line at the begin moves what
    follows into a cell or line of its own when it is pasted. Sources: OWASP's page on CSV injection, CWE-1236.
    """
    if text[:1] in STARTS_ELSEWHERE:
        return bool(text)
    for character in text:
        if unicodedata.category(character) in UNSEEN:
            continue
        return unicodedata.normalize("NFKC", character)[:1] in STARTS_FORMULA
    return False


def guarded(text: str) -> str:
    """Return the text, with an apostrophe before it where a spreadsheet might take it for a formula."""
    return APOSTROPHE + text if is_formula(text) else text
