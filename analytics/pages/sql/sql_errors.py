"""Finds the place of an error in a SQL text."""

import re
from typing import NamedTuple

EXCERPT = re.compile(r"^LINE (\d{1,6}): (.*)\n([ ]*)(\^+)", re.MULTILINE)
NAMED = re.compile(
    r'(?:column|Table|table|function|near|name|alias|type|schema|parameter)s? (?:with name )?"?([^\s"\'()]+)"?'
    r"|with name (\S+) does not exist"
    r"|'(\w+)\("
    r"|function (\w+)\(\)"
    r'|"([^"\n]+)"'
)
CUT = "..."


class ErrorPlace(NamedTuple):
    """A place in a text: its line and column, counted from 1, and its start and end, counted from 0."""

    line: int
    column: int
    start: int
    end: int

    @property
    def words(self) -> str:
        """Return the place in words."""
        return f"line {self.line}, column {self.column}"

    def as_utf16(self, sql: str) -> tuple[int, int]:
        """Return start and end as a browser counts characters."""
        start, end = (len(sql[:place].encode("utf-16-le", "surrogatepass")) // 2 for place in (self.start, self.end))
        return start, end


def find_place(sql: str, message: str) -> ErrorPlace | None:
    """Return the place of DuckDB's error: the one that it marks, else that of the name in its message."""
    return find_marked(sql, message) or find_named(sql, message)


def make_place(sql: str, start: int, length: int) -> ErrorPlace:
    """Return the place of some characters."""
    before = sql[:start]
    return ErrorPlace(before.count("\n") + 1, start - (before.rfind("\n") + 1) + 1, start, start + max(length, 1))


def find_marked(sql: str, message: str) -> ErrorPlace | None:
    """Return the place that a message marks below a quoted line; None where the SQL has no such line.

    The line's number counts from the statement's begin, which may be after comments; a long line is quoted in part.
    """
    excerpt = EXCERPT.search(message)
    if excerpt is None:
        return None
    number, quoted, marks = int(excerpt[1]), excerpt[2], excerpt[4]
    caret = len(excerpt[3]) - len(f"LINE {excerpt[1]}: ")
    if quoted.startswith(CUT):
        quoted, caret = quoted[len(CUT) :], caret - len(CUT)
    quoted = quoted.removesuffix(CUT)
    begin = 0
    for place, line in enumerate(sql.split("\n"), 1):
        if place >= number and quoted and caret >= 0 and (inside := line.find(quoted)) >= 0:
            start = begin + inside + caret
            return make_place(sql, start, min(len(marks), begin + len(line) - start))
        begin += len(line) + 1
    return None


def find_named(sql: str, message: str) -> ErrorPlace | None:
    """Return the place of the message's first name that is in the SQL."""
    complaint = message.partition("\n")[0].partition(": ")[2] or message
    code = blank_comments(sql)
    for complaint_match in NAMED.finditer(complaint):
        name = next(filter(None, complaint_match.groups()))
        word = re.search(rf"(?<!\w){re.escape(name)}(?!\w)", code, re.IGNORECASE)
        if word:
            return make_place(sql, word.start(), len(name))
    return None


def blank_comments(sql: str) -> str:
    """Replace comments by blanks, also those that are only a part of a string."""
    return re.sub(r"--[^\n]*|/\*.*?\*/", lambda match: re.sub(r"[^\n]", " ", match[0]), sql, flags=re.DOTALL)
