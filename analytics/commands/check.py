"""`clc-analytics check`: says whether the settings, the rules and the query service can be used."""

from collections.abc import Iterator
from typing import NamedTuple

import click

from analytics.client.client import connect
from analytics.commands.output import location_option
from analytics.errors import AnalyticsError
from analytics.findings.rule_files import load_rules
from analytics.settings import Settings, read_settings
from analytics.text import make_visible, plural


@click.command(short_help="Say whether settings, rules and the query service can be used.")
@click.option("--offline", is_flag=True, help="Leave the query service out.")
@location_option
def check(offline: bool, location: str | None) -> int:
    """Say whether the settings, the audit rules and the query service can be used.

    Exit code 1 if anything can't.
    """
    settings = read_settings()
    results = [Result("Working hours", f"{settings.working_hours}, {settings.time_zone}"), *check_rules(settings)]
    if not offline:
        results.append(check_service(location))
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
    """Yield the number of usable rules, and the problem of each other one."""
    rules = load_rules(settings.rules)
    own = f", with those in {settings.rules}" if settings.rules else ""
    yield Result("Audit rules", f"{plural(len(rules.rules), 'rule')}{own}")
    for problem in rules.problems:
        yield Result("Audit rule", str(problem), is_usable=False)


def check_service(location: str | None) -> Result:
    """Ask the query service something."""
    try:
        with connect(location) as client:
            client.sql("SELECT 1")
            return Result("Query service", f"{client.location} answers")
    except AnalyticsError as error:
        return Result("Query service", str(error), is_usable=False)
