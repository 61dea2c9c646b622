"""The options of `clc-receiver simulate`: each is read and checked, then all of them together."""

import os
from dataclasses import dataclass
from datetime import UTC, datetime
from math import isnan
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click
from click.core import ParameterSource

from receiver.senders import CENTURYLINK
from receiver.simulator import made_up

EARLIEST_YEAR, LATEST_YEAR = 1981, 9998
"""The longest history that ends in one of these begins after 1970."""
SLOWEST_RATE = 0.00001
MOST_DAYS, MOST_A_SECOND = 3660, 100_000
_OF_EXAMPLES = {"url", "archive", "sender", "overwrite", "quiet"}
_OF_HISTORY = {"archive", "sender", "overwrite", "quiet", "days", "end", "seed"}
_OF_LIFE = {"url", "sender", "quiet", "history_days", "end", "seed", "count", "rate", "a_day"}
"""What means something beside `--sender`: to take its examples, or to play its organization."""


@dataclass(frozen=True)
class Options:
    """The command's options, as they are given."""

    url: str | None
    archive: Path | None
    sender: str | None
    count: int | None
    rate: float
    a_day: float | None
    concurrency: int
    seed: int
    key_path: Path | None
    stories: tuple[str, ...]
    event_type: str | None
    alias: str | None
    history_days: float | None
    days: float | None
    end: float | None
    report: Path | None
    overwrite: bool
    quiet: bool


class Amount(click.FloatRange):
    """A number in a range; NaN is in none."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the number."""
        amount: float = super().convert(value, param, ctx)
        if isnan(amount):
            self.fail(f"{value!r} is no number.", param, ctx)
        return amount


def read_base_url(text: str) -> str:
    """Return a receiver's base URL, after a check that it is one."""
    try:
        parts = urlsplit(text)
        named = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
        usable = named and b" " not in str(parts.hostname).encode("idna")  # which refuses an empty part
    except ValueError:
        usable = False
    if not usable or parts.query or parts.fragment:
        raise click.BadParameter(f"{text!r} is not a receiver's base URL such as http://127.0.0.1:8080.")
    return text


def read_rate(_context: click.Context, _option: click.Parameter, rate: float) -> float:
    """Return a rate, after a check that a second notification would come in somebody's lifetime."""
    if 0 < rate < SLOWEST_RATE:
        raise click.BadParameter(
            f"{rate:g} is too slow: {SLOWEST_RATE:.5f}, about one a day, is the slowest, and 0 is as fast as possible."
        )
    return rate


def read_event_type(text: str) -> str:
    """Return the event type of an event's name, in any letter case."""
    event = CENTURYLINK.find_event_by_name(text)
    if event is None or event.event_type is None:
        names = ", ".join(str(event.event_type) for event in CENTURYLINK.events)
        raise click.BadParameter(f"{text!r} is not one of the ten events: {names}.")
    return event.event_type


def read_alias(text: str) -> str:
    """Return an account's alias, in upper case."""
    try:
        return made_up.read_account(text)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


def read_time(text: str) -> float:
    """Return an ISO time in seconds since 1970; without a zone it is UTC."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise click.BadParameter(f"{text!r} is not an ISO time such as 2015-09-22T14:38:27Z.") from None
    if not EARLIEST_YEAR <= moment.year <= LATEST_YEAR:
        raise click.BadParameter(f"{text!r} is not in the years {EARLIEST_YEAR} to {LATEST_YEAR}.")
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def check_usage(options: Options) -> None:
    """Check that options may stand together.

    Raises:
        UsageError: they may not.
    """
    if (options.url is None) == (options.archive is None):
        raise click.UsageError("Say where to: either --to URL or --archive FILE.")
    if options.archive and options.sender is None and not options.days:
        raise click.UsageError("--archive needs --days, for example --days 30.")
    live_only = {"--event": options.event_type, "--history-days": options.history_days, "--report": options.report}
    for option, value in live_only.items():
        if options.archive and value is not None:
            raise click.UsageError(f"{option} belongs to --to, not to --archive.")
    if options.url and options.days:
        raise click.UsageError("--days belongs to --archive; with --to it is --history-days.")
    if options.archive:
        _check_archive(options.archive, overwrite=options.overwrite)
    if options.sender is not None:
        _refuse_beside_sender(options)
        return
    if options.alias and not options.event_type:
        raise click.UsageError("--account says what --event is about: add --event, for example Account.Updated.")
    if options.url and options.stories and (options.event_type or options.history_days is not None):
        raise click.UsageError("--to sends a --story by itself: leave --event and --history-days out.")


def _check_archive(path: Path, *, overwrite: bool) -> None:
    # The archive takes the place of whatever has its name.
    is_there = os.path.lexists(path)
    if str(path) == "-" or (is_there and (path.is_symlink() or not path.is_file())):
        raise click.UsageError(f"{path} is no name for an archive: name a new file.")
    if is_there and not overwrite:
        raise click.UsageError(f"{path} exists: name a new file, or give --overwrite.")


def _refuse_beside_sender(options: Options) -> None:
    context = click.get_current_context()
    taken = _OF_HISTORY if options.days else _OF_EXAMPLES if options.history_days is None else _OF_LIFE
    for option in context.command.params:
        is_given = context.get_parameter_source(str(option.name)) is ParameterSource.COMMANDLINE
        if is_given and option.name not in taken:
            raise click.UsageError(f"{option.opts[0]} has no meaning here with --sender: leave it out.")
