"""`clc-analytics check`: says whether the settings, the rules and the query service can be used."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import click

from analytics.client.client import connect
from analytics.commands.output import location_option
from analytics.errors import AnalyticsError
from analytics.findings.rule_files import RuleProblem, RuleSet, load_rules
from analytics.findings.running import find
from analytics.settings import Settings, read_settings
from analytics.text import format_count, make_visible


@click.command(short_help="Say whether settings, rules and the query service can be used.")
@click.option("--offline", is_flag=True, help="Leave the query service out.")
@location_option
def check(offline: bool, location: str | None) -> int:
    """Say whether the settings, the audit rules and the query service can be used.

    The query service tries each rule on its tables; with --offline the rules are only read. Exit code 1 if anything
    can't be used.
    """
    settings = read_settings()
    results = [Result("Working hours", f"{settings.working_hours}, {settings.time_zone}")]
    results += check_rules(settings) if offline else check_service(location, settings)
    for result in results:
        state = click.style("ok   ", fg="green") if result.is_usable else click.style("WRONG", fg="red")
        click.echo(f"{state}  {result.subject:15} {make_visible(result.text)}")
    return 0 if all(result.is_usable for result in results) else 1


class Result(NamedTuple):
    """A subject, how it is, and whether it can be used."""

    subject: str
    text: str
    is_usable: bool = True


def check_rules(settings: Settings) -> Iterator[Result]:
    """Yield the number of rules that can be read, and the problem of each other one."""
    rules = load_rules(settings.rules)
    untried = "; not tried on the tables, which only a running receiver has"
    yield from describe_rules(settings, rules, rules.problems, untried)


def describe_rules(settings: Settings, rules: RuleSet, problems: list[RuleProblem], more: str = "") -> Iterator[Result]:
    """Yield the number of usable rules, how many of them are the user's own, and the problem of each other one."""
    unusable = {problem.file for problem in problems}
    usable = [Path(rule.file) for rule in rules.rules if rule.file not in unusable]
    own = sum(file.parent == settings.rules for file in usable)
    whose = f", {own or 'none'} of them from {settings.rules}" if settings.rules else ""
    yield Result("Audit rules", f"{format_count(len(usable), 'rule')}{whose}{more}")
    for problem in problems:
        yield Result("Audit rule", str(problem), is_usable=False)


def check_service(location: str | None, settings: Settings) -> Iterator[Result]:
    """Ask the query service something, and try each rule there, which reads next to nothing for a span of no length."""
    rules, at = load_rules(settings.rules), datetime.now(UTC)
    try:
        with connect(location) as client:
            client.sql("SELECT 1")
            client.check_tables()
            problems = find(client, at, at, rules=rules, settings=settings).problems
            yield from describe_rules(settings, rules, problems)
            yield Result("Query service", f"{client.location} answers")
    except AnalyticsError as error:
        yield from check_rules(settings)
        yield Result("Query service", str(error), is_usable=False)
