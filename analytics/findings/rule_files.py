"""Reads audit rules: one SQL file each; the comment at its top describes the rule in TOML."""

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import NamedTuple

import duckdb
from pydantic import ValidationError

from analytics.findings.rule_headers import SEVERITIES, Example, Header, Severity, describe_error, find_line
from analytics.queries import CALL_IN_RULE, expand
from analytics.senders import list_sql_files_by_sender

__all__ = ["GIVEN", "SEVERITIES", "Example", "Rule", "RuleProblem", "RuleSet", "Severity", "load_rules", "parse_rule"]

GIVEN = frozenset(
    {"since", "until", "time_zone", "work_days", "work_begins", "work_ends", "working_hours", "complete_since"}
)
"""The parameters that every rule's SQL may use besides its own."""

_SUFFIX = ".sql"  # in any letter case
_HEADER = re.compile(r"\s*/\*(?P<toml>.*?)\*/", re.DOTALL)
_TOML_LINE = re.compile(r"\s*\(at line (\d+), column \d+\)$")
_SQL_LINE = re.compile(r"^LINE (\d+):", re.MULTILINE)
_PARSED_RULES_KEPT = 256


class RuleProblem(NamedTuple):
    """A problem of a rule, and its line in the rule's file."""

    file: str
    line: int
    what: str

    def __str__(self) -> str:
        """Return the problem as a sentence."""
        return f"{self.file}, line {self.line}: {self.what}"


class RuleError(Exception):
    """Raised when a rule can't be used; `line` counts in its file."""

    def __init__(self, line: int, what: str) -> None:
        super().__init__(what)
        self.line = line
        self.what = what


class RuleSource(NamedTuple):
    """A rule's SQL, and the line of the file where it begins."""

    sql: str
    line: int

    def find_line_of(self, word: str) -> int:
        """Return the line of a word's first use; without any, the SQL's first line."""
        match = re.search(rf"(?<![\w$]){re.escape(word)}(?!\w)", self.sql, re.IGNORECASE)
        return self.line + self.sql.count("\n", 0, match.start() if match else 0)

    def find_line(self, message: str) -> int | None:
        """Return the line that DuckDB's error message names; None where it names none."""
        match = _SQL_LINE.search(message)
        return self.line + int(match[1]) - 1 if match else None


@dataclass(frozen=True)
class Rule:
    """A rule.

    Args:
        name: its file's name without `.sql`; a finding's id depends on it.
        title: its findings in a few words.
        severity: the severity of its findings, unless a row has its own.
        reasons: why a finding has a severity, a clause for each severity; a rule need not have them.
        why: the reason why it matters.
        todo: the advice for a finding.
        references: documents to read.
        parameters: its thresholds, by name.
        source: its SQL, one SELECT.
        names: the parameters that the SQL uses.
        fires: examples in which it finds something.
        silent: examples in which it finds nothing.
        file: its path.
        sender: the sender whose notifications it is about, of a shipped rule; None for any.
        everyday: the reason why such findings are part of everyday work, a clause; None where they are not.
    """

    name: str
    title: str
    severity: Severity
    reasons: Mapping[Severity, str]
    why: str
    todo: str
    references: tuple[str, ...]
    parameters: Mapping[str, bool | int | float | str]
    source: RuleSource
    names: frozenset[str]
    fires: tuple[Example, ...]
    silent: tuple[Example, ...]
    file: str
    sender: str | None = None
    everyday: str | None = None

    @property
    def sql(self) -> str:
        """Return its SQL."""
        return self.source.sql


class RuleSet(NamedTuple):
    """The usable rules, by name, and the problems of the others."""

    rules: list[Rule]
    problems: list[RuleProblem]


def load_rules(directory: Path | None = None) -> RuleSet:
    """Read the shipped rules and those in the user's own directory.

    The user's rule replaces a shipped rule of the same name, unless it can't be used. A broken rule becomes a problem,
    and the others are read all the same.
    """
    rules: dict[str, Rule] = {}
    problems: list[RuleProblem] = []
    for file, name, content, sender in _list_contents(directory, problems):
        try:
            rules[name] = parse_rule(file, name, _read_text(content), sender)
        except RuleError as error:
            problems.append(RuleProblem(file, error.line, error.what))
    return RuleSet([rules[name] for name in sorted(rules)], problems)


@lru_cache(_PARSED_RULES_KEPT)
def parse_rule(file: str, name: str, text: str, sender: str | None = None) -> Rule:
    """Return the rule that a file's text describes.

    Raises:
        RuleError: the header or the SQL is wrong.
    """
    comment = _HEADER.match(text)
    if comment is None:
        raise RuleError(1, "A rule opens with a comment /* … */ that holds its header in TOML, and this file does not.")
    first_line = 1 + text.count("\n", 0, comment.start("toml"))
    header = _parse_header(comment["toml"], first_line)
    # Blanks before the SQL go, because DuckDB counts the lines of some errors after them.
    sql = text[comment.end() :].lstrip()
    source = _expand(RuleSource(sql, 1 + text.count("\n", 0, len(text) - len(sql))))
    names = _find_parameters(source)
    _check_named(source, names, header)
    _check_own(header, names, comment["toml"], first_line)
    return Rule(
        name=name,
        title=header.title,
        severity=header.severity,
        reasons=header.reasons,
        why=header.why,
        todo=header.todo,
        references=tuple(header.references),
        parameters=header.parameters,
        source=source,
        names=names,
        fires=tuple(header.fires),
        silent=tuple(header.silent),
        file=file,
        sender=sender,
        everyday=header.everyday,
    )


def find_first_line(message: str) -> str:
    """Return the first line of an error's message as a sentence."""
    return message.partition("\n")[0].rstrip(".!") + "."


def _list_contents(
    directory: Path | None, problems: list[RuleProblem]
) -> Iterator[tuple[str, str, Traversable | Path, str | None]]:
    """Yield each rule's path, name, file and sender, the shipped ones first; a user's own rule is of any sender."""
    own: list[Traversable | Path] = []
    try:
        own += directory.iterdir() if directory is not None else ()
    except OSError as error:
        problems.append(
            RuleProblem(str(directory), 1, f"The directory can't be read ({error.strerror}); CLC_RULES names it.")
        )
    shipped: list[tuple[str | None, Traversable | Path]] = [*list_sql_files_by_sender("rules")]
    for entries in (shipped, [(None, entry) for entry in own]):
        for sender, entry in sorted(entries, key=lambda each: each[1].name):
            stem, dot, suffix = entry.name.rpartition(".")
            if stem and f"{dot}{suffix}".lower() == _SUFFIX and not entry.name.startswith("."):
                yield str(entry), stem, entry, sender


def _read_text(content: Traversable | Path) -> str:
    try:
        return content.read_text(encoding="utf-8-sig")  # some editors begin a file with a byte-order mark
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise RuleError(1, f"The file can't be read: {reason}.") from None


def _parse_header(toml: str, first_line: int) -> Header:
    try:
        return Header.model_validate(tomllib.loads(toml))
    except tomllib.TOMLDecodeError as error:
        match = _TOML_LINE.search(str(error))
        line = first_line + (int(match[1]) - 1 if match else toml.rstrip().count("\n"))
        raise RuleError(line, f"The header is no TOML: {_TOML_LINE.sub('', str(error))}.") from None
    except ValidationError as error:
        first = error.errors()[0]
        raise RuleError(first_line - 1 + find_line(toml, first["loc"]), describe_error(first)) from None


def _expand(source: RuleSource) -> RuleSource:
    """Return a rule's SQL with the calls of macros replaced; each line stays where it is."""
    try:
        return source._replace(sql=expand(source.sql, CALL_IN_RULE))
    except ValueError as error:
        raise RuleError(source.line, str(error)) from None


def _find_parameters(source: RuleSource) -> frozenset[str]:
    """Check that a text is one SELECT, and return the names of its parameters.

    Raises:
        RuleError: it is not one SELECT.
    """
    with duckdb.connect(":memory:") as parser:
        try:
            statements = parser.extract_statements(source.sql)
        except duckdb.Error as error:
            message = str(error)
            raise RuleError(source.find_line(message) or source.line, find_first_line(message)) from None
    if not statements:
        raise RuleError(source.line, "There is no SQL after the header: a rule is one SELECT.")
    if len(statements) > 1:
        raise RuleError(source.line, f"There are {len(statements)} statements: a rule is one SELECT.")
    if statements[0].type != duckdb.StatementType.SELECT:
        raise RuleError(source.line, f"A rule is one SELECT, and this is {statements[0].type.name}.")
    return frozenset(statements[0].named_parameters)


def _check_named(source: RuleSource, names: frozenset[str], header: Header) -> None:
    if any(name.isdigit() for name in names):
        raise RuleError(source.line, "The SQL has parameters without names, such as ?: name them, as in $since.")
    if unknown := sorted(names - GIVEN - header.parameters.keys()):
        raise RuleError(
            source.find_line_of(f"${unknown[0]}"),
            f"The SQL names ${unknown[0]}, which is neither in the header's [parameters] nor always given.",
        )


def _check_own(header: Header, names: frozenset[str], toml: str, first_line: int) -> None:
    for parameter in header.parameters:
        line = first_line - 1 + find_line(toml, ("parameters", parameter))
        if parameter in GIVEN:
            raise RuleError(line, f"The parameter {parameter} is always given: choose another name.")
        if parameter not in names:
            raise RuleError(line, f"The SQL does not name the parameter ${parameter}: use it or take it out.")
