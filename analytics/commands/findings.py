"""`clc-analytics findings`: the findings of the audit rules, for people, cron and CI."""

import json
import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import click

from analytics.client.client import connect
from analytics.commands.output import describe_lacking, describe_unknown_accounts, location_option, open_output
from analytics.errors import AnalyticsError, OutputError
from analytics.findings.doubts import describe_doubt
from analytics.findings.finding import Finding
from analytics.findings.merging import find_merged
from analytics.findings.rule_files import SEVERITIES, RuleProblem, RuleSet, load_rules
from analytics.senders import list_doubting_rules
from analytics.settings import read_settings
from analytics.text import LINES, format_count, make_json_visible, make_visible, shorten
from analytics.times import stamp

NONE, SOME, FAILED = 0, 1, 2
LACKING = "only the last state of each entity is here, so findings are missing; ask the lake for those (--location)."
LONGEST_SENTENCE = 500
UNITS = {
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "min": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}
AGE = re.compile(rf"(\d{{1,9}})\s*({'|'.join(UNITS)})", re.IGNORECASE)


def parse_moment(text: str, now: datetime) -> datetime:
    """Return the moment of a text: an age such as `24h` or `7d`, or an ISO date and time, in UTC by default.

    Raises:
        ValueError: the text is neither.
    """
    if age := AGE.fullmatch(text.strip()):
        try:
            return now - int(age[1]) * UNITS[age[2].lower()]
        except OverflowError as error:
            raise ValueError(text) from error
    given = datetime.fromisoformat(text.strip())
    return given.replace(tzinfo=UTC) if given.tzinfo is None else given.astimezone(UTC)


def parse_option(option: str, text: str, now: datetime) -> datetime:
    """Return the moment of an option, or raise wrong usage."""
    try:
        return parse_moment(text, now)
    except (ValueError, OverflowError):
        raise click.BadParameter(
            f"{text!r} is not a valid time (an age like 24h or 7d, or a time like 2026-03-04T09:00Z).",
            param_hint=option,
        ) from None


def read_span(since: str, until: str | None) -> tuple[datetime, datetime]:
    """Return the moments of `--since` and `--until`; the latter is now by default."""
    now = datetime.now(UTC)
    begin = parse_option("--since", since, now)
    end = now if until is None else parse_option("--until", until, now)
    if begin >= end:
        raise click.BadParameter(f"{since} is not before --until: give an earlier --since.", param_hint="--since")
    return begin, end


def choose_rules(rules: RuleSet, names: tuple[str, ...]) -> RuleSet:
    """Return the rules with these names; without names, all."""
    known = {rule.name for rule in rules.rules}
    broken = {name_rule(problem) for problem in rules.problems}
    if unknown := sorted(set(names) - known - broken):
        raise click.BadParameter(
            f"There is no rule {unknown[0]!r}, only {', '.join(sorted(known))}.", param_hint="--rule"
        )
    if not names:
        return rules
    problems = [problem for problem in rules.problems if name_rule(problem) in names]
    return RuleSet([rule for rule in rules.rules if rule.name in names], problems)


def add_doubting(rules: RuleSet, everything: RuleSet) -> RuleSet:
    """Add the rules that doubt notifications to chosen ones, whose findings may rest on doubted ones."""
    doubting = [rule for rule in everything.rules if rule.name in list_doubting_rules() and rule not in rules.rules]
    return rules._replace(rules=[*rules.rules, *doubting])


def name_rule(problem: RuleProblem) -> str:
    """Return the name of a problem's rule."""
    return re.split(r"[\\/]", problem.file)[-1].rpartition(".")[0]


def is_wanted(finding: Finding, severity: str | None, accounts: tuple[str, ...]) -> bool:
    """Say whether a finding has at least a severity and one of the accounts; None and no accounts mean any."""
    if severity and SEVERITIES.index(finding.severity) > SEVERITIES.index(severity):
        return False
    wanted = {alias.upper() for alias in accounts}
    return not wanted or not wanted.isdisjoint(alias.upper() for alias in finding.list_accounts())


def as_line(finding: Finding) -> bytes:
    """Return a finding as a line for people; text from outside can't disturb a terminal."""
    sentence = shorten(finding.sentence, LONGEST_SENTENCE)
    title = make_visible(finding.title)
    doubt = f" ({text})" if (text := describe_doubt(finding)) else ""
    return f"{stamp(finding.found_at)}Z  {finding.severity.upper():<6}  {title}: {sentence}{doubt}\n".encode()


def as_json(finding: Finding) -> bytes:
    """Return a finding as a line of JSON, with all its fields."""
    return make_json_visible(f"{json.dumps(finding.list_told(), default=datetime.isoformat)}\n".encode())


def summarize(results: Iterable[Finding]) -> str:
    """Return the number of findings by severity, in words."""
    severities = [finding.severity for finding in results]
    if not severities:
        return "No findings."
    counts = ", ".join(f"{severities.count(each)} {each}" for each in SEVERITIES if each in severities)
    return f"{format_count(len(severities), 'finding')}: {counts}."


def write(shown: Iterable[Finding], *, with_json: bool) -> None:
    """Write findings to standard output, or end the command where that can't be written."""
    try:
        with open_output(None) as out:
            out.writelines(map(as_json if with_json else as_line, shown))
    except OutputError as error:
        raise fail(error) from None


def fail(error: AnalyticsError) -> click.exceptions.Exit:
    """Print an error, and return what ends the command with the exit code of no answer: 1 would mean findings."""
    click.echo(f"Error: {make_visible(str(error), LINES)}", err=True)
    return click.exceptions.Exit(FAILED)


@click.command(short_help="Print what the audit rules find.")
@click.option(
    "--since", default="24h", metavar="WHEN", show_default=True, help="From when: an age (24h, 7d) or an ISO time."
)
@click.option("--until", metavar="WHEN", help="Until when, not included; by default now.")
@click.option("--severity", type=click.Choice(SEVERITIES), help="Only findings of this severity or a worse one.")
@click.option(
    "--account", "accounts", multiple=True, metavar="ALIAS", help="Only findings about this account; repeatable."
)
@click.option(
    "--rule", "names", multiple=True, metavar="NAME", help="Run only this rule, named like its file; repeatable."
)
@click.option("--json", "with_json", is_flag=True, help="Print JSON lines, one object a finding.")
@location_option
def findings(
    since: str,
    until: str | None,
    severity: str | None,
    accounts: tuple[str, ...],
    names: tuple[str, ...],
    with_json: bool,
    location: str | None,
) -> None:
    """Run the audit rules, and print what they find in order of time.

    The rules are the shipped ones and those of the directory CLC_RULES. Let runs overlap, since notifications may
    arrive late: a finding keeps its id. Findings go to standard output, all else to standard error.

    \b
    Exit codes:
      0  no findings
      1  findings, whatever else
      2  wrong usage, no answer, or no findings but a rule that could not be used

    \b
    clc-analytics findings --since 7d --severity medium
    clc-analytics findings --json --rule hidden_update_burst | jq .sentence
    """  # noqa: D301 - click reads the escape as "leave these lines as they are"
    begin, end = read_span(since, until)
    try:
        settings = read_settings()
        everything = load_rules(settings.rules)
        rules = choose_rules(everything, names)
        with connect(location) as client:
            client.check_tables()
            results = find_merged(client, begin, end, add_doubting(rules, everything), settings)
            told = [*describe_lacking(client, begin, LACKING), *describe_unknown_accounts(client, accounts)]
    except AnalyticsError as error:
        raise fail(error) from None
    chosen = {rule.name for rule in rules.rules}
    found = [finding for finding in results.findings if finding.rule in chosen]
    shown = [finding for finding in found if is_wanted(finding, severity, accounts)]
    write(shown, with_json=with_json)
    for problem in results.problems:
        click.echo(f"Rule not used: {make_visible(str(problem))}", err=True)
    for sentence in told:
        click.echo(sentence, err=True)
    click.echo(summarize(shown), err=True)
    raise click.exceptions.Exit(SOME if shown else FAILED if results.problems else NONE)
