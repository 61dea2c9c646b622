"""`clc-receiver simulate --sender`: the examples of a sender with a profile, or its made-up organization."""

import time
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from random import Random
from typing import NamedTuple

import click

from receiver.logs import make_visible
from receiver.senders.made_up import rate_at
from receiver.settings import Settings, read_settings
from receiver.simulator.history import write_lines
from receiver.simulator.organization import A_DAY, NAMES, OrganizationLife, seal_as, write_lines_of
from receiver.simulator.posting import Poster, at_changing_rate, at_rate
from receiver.simulator.progress import Progress
from receiver.simulator.signed_examples import (
    archive_examples,
    find_profile,
    load_signing_secret,
    post_examples,
    route_of,
)


class Play(NamedTuple):
    """What to play: the sender, where to, and the time that passes; the names are those of the options."""

    sender: str
    url: str | None
    archive: Path | None
    seed: int
    days: float | None
    history_days: float | None
    end: float
    most: int | None
    rate: float
    a_day: float | None
    quiet: bool


def play(wanted: Play) -> int:
    """Play a sender with a profile, and return the number of notifications that were not answered 200.

    Raises:
        UsageError: the sender has no made-up history.
        SettingsError: there is no such sender, or its secret is not set.
        SendError: the receiver can't be reached.
        ArchiveError: the archive can't be written.
    """
    if wanted.days is None and wanted.history_days is None:
        return _archive_examples(wanted, wanted.archive) if wanted.archive else _post_examples(wanted)
    settings = read_settings()
    profile = find_profile(settings, wanted.sender)
    if profile.name not in NAMES:
        raise click.UsageError(
            f"{profile.title} has no made-up history, {', '.join(NAMES)} alone: "
            "leave --days and --history-days out to take its examples."
        )
    return _write(wanted, settings) if wanted.archive else _go_on(wanted, settings)


def _post_examples(wanted: Play) -> int:
    refused = 0
    for example, status, text in post_examples(read_settings(), wanted.sender, str(wanted.url), datetime.now(UTC)):
        click.echo(f"{status}  {make_visible(f'{example.subject}  {text}')}")
        refused += status != HTTPStatus.OK
    return refused


def _archive_examples(wanted: Play, path: Path) -> int:
    written = write_lines(
        path, [list(archive_examples(read_settings(), wanted.sender, datetime.now(UTC)))], lambda _: None
    )
    click.echo(f"Wrote {written:,} notifications to {path}.", err=True)
    return 0


def _write(wanted: Play, settings: Settings) -> int:
    profile = find_profile(settings, wanted.sender)
    seal = seal_as(profile, load_signing_secret(settings, profile), "")
    days = wanted.days or 0
    history = OrganizationLife(wanted.seed).history(days, wanted.end)
    with Progress("Writing", round(days * A_DAY), quiet=wanted.quiet) as progress:
        written = write_lines(Path(str(wanted.archive)), write_lines_of(history, profile, seal), progress.update)
        progress.complete(written)
    click.echo(f"Wrote {written:,} notifications to {wanted.archive}.", err=True)
    return 0


def _go_on(wanted: Play, settings: Settings) -> int:
    profile, url = find_profile(settings, wanted.sender), str(wanted.url).rstrip("/")
    seal = seal_as(profile, load_signing_secret(settings, profile), url, route_of(settings))
    # One at a time, so that a branch is created before somebody pushes to it.
    poster = Poster(url, seal, concurrency=1)
    poster.check()
    life = OrganizationLife(wanted.seed)
    for _ in life.history(wanted.history_days or 0, wanted.end):
        pass
    a_day, rng = wanted.a_day, Random(wanted.seed)
    dues = at_changing_rate(lambda at: rate_at(at, a_day), rng) if a_day else at_rate(wanted.rate)
    with Progress("Sending", wanted.most, quiet=wanted.quiet) as progress:
        poster.send(life.live(time.time), dues, wanted.most, progress.update)
    click.echo(poster.tally.summary(), err=True)
    return poster.tally.errors.total()
