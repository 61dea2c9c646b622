"""Runs the audit rules over a range of time and turns their rows into findings."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, NamedTuple

import pyarrow as pa

from analytics import queries
from analytics.client.cancelling import Cancellation
from analytics.client.client import Client
from analytics.client.completeness import find_complete_since
from analytics.client.keeping import begin
from analytics.errors import BusyError, CancelledError, QueryError
from analytics.findings.doubts import add_stored_after, mark_doubted, split_ids
from analytics.findings.finding import RANKS, Finding, make_finding_id
from analytics.findings.rule_files import (
    SEVERITIES,
    Rule,
    RuleError,
    RuleProblem,
    RuleSet,
    find_first_line,
    load_rules,
)
from analytics.senders import list_doubting_rules
from analytics.settings import Settings, read_settings
from analytics.text import ELLIPSIS
from analytics.times import EPOCH

DAY_BEFORE = timedelta(days=1)
"""So long before the time that was asked for the doubted notifications of a finding in it may have come."""
AT_ONCE = 2
"""So many rules run at once: while the store answers one, this side makes the findings of another."""
TEXTS = ("category", "entity_id", "account_alias", "actor", "sentence")
COLUMNS = ("found_at", *TEXTS, "notification_ids")
"""The columns that a rule's SQL returns.

It may also return `severity` where a row has its own, `open_until` if it may change, and `other_accounts` if it may be
about several.
"""
LISTS = ("notification_ids", "other_accounts")

LONGEST_SENTENCE = 2000
ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
TEXT = pa.string()
LIST = pa.list_(TEXT)
Ask = Callable[[str, Any], pa.Table]
"""A function that runs SQL with parameters."""


class RuleResults(NamedTuple):
    """Findings in order of time, and the problems of rules."""

    findings: list[Finding]
    problems: list[RuleProblem]


def find(
    client: Client,
    since: datetime,
    until: datetime,
    *,
    rules: RuleSet | None = None,
    settings: Settings | None = None,
) -> RuleResults:
    """Run rules over the events from `since` to before `until`.

    A rule that fails becomes a problem, and the others run. Those that doubt notifications also run over the day before
    `since`, where a burst may begin, and up to now: a notification may be received long after its event.

    Args:
        client: asks the store.
        since: a moment with a time zone.
        until: a moment with a time zone.
        rules: by default the shipped ones and those of `CLC_RULES`.
        settings: give working hours and time zone; by default the environment's.

    Raises:
        NotRunningError: no query service answers.
        TokenError: the query service does not accept the token.
        BusyError: the query service already runs as many queries as it allows.
        SettingsError: a setting has a value that is not allowed.
    """
    settings = settings or read_settings()
    rules = rules or load_rules(settings.rules)
    given = {
        "time_zone": settings.time_zone,
        "work_days": list(settings.hours.days),
        "work_begins": settings.hours.begins,
        "work_ends": settings.hours.ends,
        "working_hours": settings.describe_hours(),
        "complete_since": find_complete_since(client) or EPOCH,
    }
    doubting = list_doubting_rules()
    of_doubts = (min(since, max(since, EPOCH) - DAY_BEFORE), max(until, datetime.now(UTC)))

    cancellations = [Cancellation() for _ in rules.rules]

    def run(rule: Rule, cancellation: Cancellation) -> RuleResults:
        span = of_doubts if rule.name in doubting else (since, until)
        return _try_rule(rule, partial(client.sql, cancellation=cancellation), given, span)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        try:
            running = [begin(pool, run, *each) for each in zip(rules.rules, cancellations, strict=True)]
            results = [future.result() for future in running]
        except BaseException:  # such as Ctrl-C: nobody wants the answers, and the pool waits for each thread
            for cancellation in cancellations:
                cancellation.cancel()
            raise
    marked = mark_doubted([each for result in results for each in result.findings])
    findings = _name_senders([each for each in marked if since <= each.found_at < until], client)
    findings = add_stored_after(findings, client)
    problems = [*rules.problems, *(problem for result in results for problem in result.problems)]
    findings.sort(key=lambda finding: (finding.found_at, RANKS[finding.severity], finding.rule, finding.id))
    return RuleResults(findings, problems)


def _name_senders(findings: list[Finding], client: Client) -> list[Finding]:
    """Return findings with their senders: those of a user's own rules have the sender of their first notification."""
    ids = [finding.notification_ids[0] for finding in findings if finding.sender is None]
    by_id: dict[str, str] = {}
    try:
        for part in split_ids(ids):
            rows = client.sql(*queries.make_query("senders_of", {"ids": part})).to_pylist()
            by_id |= {row["id"]: row["sender"] for row in rows}
    except BusyError:
        raise
    except QueryError:  # a store of an older version knows no sender; of another the rest stay without
        pass
    # Nearly all have one, and stay as they are: making them anew takes long.
    return [each if each.sender else each._replace(sender=by_id.get(each.notification_ids[0])) for each in findings]


def _try_rule(rule: Rule, ask: Ask, given: Mapping[str, Any], span: tuple[datetime, datetime]) -> RuleResults:
    """Run one rule; a failure becomes a problem."""
    try:
        return RuleResults(_run_rule(rule, ask, given, span), [])
    except RuleError as error:
        return RuleResults([], [RuleProblem(rule.file, error.line, error.what)])


def _run_rule(rule: Rule, ask: Ask, given: Mapping[str, Any], span: tuple[datetime, datetime]) -> list[Finding]:
    """Run one rule.

    Raises:
        RuleError: it fails, or does not return findings.
    """
    since, until = span
    ends = {"since": since.astimezone(UTC), "until": until.astimezone(UTC)}
    values = {name: value for name, value in {**given, **ends, **rule.parameters}.items() if name in rule.names}
    table = _ask(rule, ask, values)
    _check_columns(rule, table)
    findings: dict[str, Finding] = {}
    for finding in _make_findings(rule, table):
        if since <= finding.found_at < until:
            findings.setdefault(finding.id, finding)
    return list(findings.values())


def _ask(rule: Rule, ask: Ask, values: dict[str, Any]) -> pa.Table:
    try:
        return ask(rule.sql, values or None)
    except (BusyError, CancelledError):
        raise
    except QueryError as error:
        message = str(error)
        line = rule.source.find_line(message) or _find_line_by_explain(rule, ask, values) or rule.source.line
        raise RuleError(line, find_first_line(message)) from error


def _find_line_by_explain(rule: Rule, ask: Ask, values: dict[str, Any]) -> int | None:
    """Return the line of an error by an EXPLAIN: DuckDB's message about the query itself does not always name it."""
    try:
        ask("EXPLAIN " + rule.sql, values or None)
    except QueryError as error:
        return rule.source.find_line(str(error))
    return None


def _check_columns(rule: Rule, table: pa.Table) -> None:
    if missing := [name for name in COLUMNS if name not in table.column_names]:
        raise RuleError(rule.source.line, f"The SELECT does not return the column {missing[0]}.")
    for name in (each for each in ("found_at", "open_until") if each in table.column_names):
        moment = table.schema.field(name).type
        if not pa.types.is_timestamp(moment) or moment.tz is None:
            raise RuleError(rule.source.find_line_of(name), f"{name} is {moment}; it must be TIMESTAMPTZ.")
    for listed in (each for each in LISTS if each in table.column_names):
        kind = table.schema.field(listed).type
        if not pa.types.is_list(kind) and not pa.types.is_large_list(kind):
            raise RuleError(rule.source.find_line_of(listed), f"{listed} is {kind}; it must be a list.")


def _make_findings(rule: Rule, table: pa.Table) -> Iterator[Finding]:
    """Yield a finding for each row.

    Raises:
        RuleError: a row lacks a field that a finding needs.
    """
    texts = (_read_texts(rule, table, name) for name in TEXTS)
    ids = _read_texts(rule, table, "notification_ids", LIST)
    none, has = [None] * table.num_rows, table.column_names.__contains__
    severities = _read_texts(rule, table, "severity") if has("severity") else none
    ends = _read_moments(table, "open_until") if has("open_until") else none
    others = _read_texts(rule, table, "other_accounts", LIST) if has("other_accounts") else none
    for found_at, category, entity_id, account_alias, actor, sentence, notification_ids, given, open_until, also in zip(
        _read_moments(table, "found_at"), *texts, ids, severities, ends, others, strict=True
    ):
        severity = given or rule.severity
        if not found_at or not sentence or not notification_ids or None in notification_ids:
            lacks = "found_at" if not found_at else "notification_ids" if sentence else "sentence"
            raise RuleError(rule.source.find_line_of(lacks), f"A row has no {lacks}.")
        if rule.sender is None:
            _check_ids(rule, notification_ids)
        if severity not in SEVERITIES:
            what = f"A row's severity is {severity!r}; it must be high, medium or low."
            raise RuleError(rule.source.find_line_of("severity"), what)
        yield Finding(
            make_finding_id(rule.name, notification_ids[0]),
            rule.name,
            rule.title,
            severity,
            found_at,
            category,
            entity_id,
            account_alias,
            actor,
            sentence if len(sentence) <= LONGEST_SENTENCE else sentence[: LONGEST_SENTENCE - 1] + ELLIPSIS,
            list(dict.fromkeys(notification_ids)),
            rule.reasons.get(severity),
            rule.sender,
            open_until=open_until,
            other_accounts=[alias for alias in also if alias] if also else (),
        )


def _check_ids(rule: Rule, notification_ids: Sequence[str]) -> None:
    if wrong := [each for each in notification_ids if not ID.fullmatch(each)]:
        what = f"A row's notification_ids have {wrong[0]!r:.60}, which is no id of a notification."
        raise RuleError(rule.source.find_line_of("notification_ids"), what)


def _read_texts(rule: Rule, table: pa.Table, name: str, kind: pa.DataType = TEXT) -> list[Any]:
    column: Any = table.column(name)
    try:
        return list((column if column.type == kind else column.cast(kind)).to_pylist())
    except pa.ArrowException:
        raise RuleError(rule.source.find_line_of(name), f"{name} is {column.type}; it must be text.") from None


def _read_moments(table: pa.Table, name: str) -> list[datetime | None]:
    """Return the moments in UTC, made from microseconds, because Arrow converts those much faster.

    The first or the last moment that Python knows replaces one before year 1 or after 9999, such as `infinity`.
    """
    microseconds = table.column(name).cast(pa.timestamp("us", "UTC")).cast(pa.int64()).to_pylist()
    return [None if each is None else _make_moment(each) for each in microseconds]


def _make_moment(microseconds: int) -> datetime:
    try:
        return EPOCH + timedelta(microseconds=microseconds)
    except OverflowError:
        return datetime.min.replace(tzinfo=UTC) if microseconds < 0 else datetime.max.replace(tzinfo=UTC)
