"""`clc-receiver simulate`."""

import time
from collections.abc import Iterator
from itertools import count as counted
from pathlib import Path
from typing import Any

import click
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from receiver.commands.options import NamedPath
from receiver.senders.keys import find_public_key_path, load_or_make_key
from receiver.settings import read_settings
from receiver.simulator import made_up
from receiver.simulator.history import NOTIFICATIONS_A_DAY, Outgoing, Simulation, write_archive
from receiver.simulator.options import (
    MOST_A_SECOND,
    MOST_DAYS,
    Amount,
    Options,
    check_usage,
    read_alias,
    read_base_url,
    read_event_type,
    read_rate,
    read_time,
)
from receiver.simulator.posting import Poster, schedule, seal_with
from receiver.simulator.signed_examples import play
from receiver.simulator.terminal import Progress, open_report

HISTORY_DAYS = 30
LEAST_DAYS, MOST_A_DAY = 0.001, 100_000_000


@click.command(short_help="Play the sender: made-up notifications, signed.")
@click.option("--to", "url", metavar="URL", type=read_base_url, help="Post to this receiver's base URL, live.")
@click.option(
    "--archive",
    "archive",
    metavar="FILE",
    type=NamedPath(dir_okay=False),
    help="Write --days of history to this file instead, as JSON lines for `import`.",
)
@click.option(
    "--sender",
    "sender",
    metavar="NAME",
    help="Post or archive the examples of this sender's profile instead, signed with its secret. With --days or "
    "--history-days: play its made-up organization (github alone).",
)
@click.option(
    "--count",
    type=click.IntRange(min=1),
    metavar="N",
    help="How many notifications; in an archive, without those of a --story. Default: no end live, about 233 a day in "
    "an archive, 1 with --event, all with --story.",
)
@click.option(
    "--rate",
    type=Amount(0, MOST_A_SECOND),
    metavar="N",
    callback=read_rate,
    default=2.0,
    show_default=True,
    help="How many a second; 0 is as fast as possible.",
)
@click.option(
    "--a-day",
    type=Amount(1, MOST_A_DAY),
    metavar="N",
    help="How many on a usual day of a sender that is never quiet: in an archive instead of 233; live, fewer by night, "
    "instead of --rate.",
)
@click.option(
    "--concurrency",
    type=click.IntRange(1, 256),
    metavar="N",
    default=8,
    show_default=True,
    help="How many may wait for their answer at a time.",
)
@click.option(
    "--seed",
    metavar="N",
    type=int,
    default=1,
    show_default=True,
    help="Chooses the made-up world and the cast of a --story; the same seed gives the same ones.",
)
@click.option(
    "--key",
    "key_path",
    metavar="FILE",
    type=NamedPath(dir_okay=False),
    help="Private key (PEM) to sign with, made when missing; its public half for the receiver lies beside it in "
    "FILE.pub. Default: simulator.pem in CLC_DATA_DIR.",
)
@click.option(
    "--story",
    "stories",
    type=click.Choice(tuple(made_up.STORIES)),
    multiple=True,
    help="Tell something that an audit should find, too: with --archive beside everyday life, with --to by itself and "
    "at once. May be given several times.",
)
@click.option(
    "--event",
    "event_type",
    metavar="EVENT",
    type=read_event_type,
    help="Send this event only, such as Account.Updated, made for --account.",
)
@click.option(
    "--account",
    "alias",
    metavar="ALIAS",
    type=read_alias,
    help="The account that --event is about; made up if the world has none of that alias. Default: DEMO.",
)
@click.option(
    "--history-days",
    type=Amount(0, MOST_DAYS),
    metavar="DAYS",
    help="Go on live where an archive of so many days and the same seed ends; 0 begins with an empty world. "
    "Default: 30.",
)
@click.option(
    "--days",
    type=Amount(LEAST_DAYS, MOST_DAYS),
    metavar="DAYS",
    help="How many days --archive covers.",
)
@click.option("--end", metavar="TIME", type=read_time, help="When the archive ends, or ended (ISO, UTC). Default: now.")
@click.option(
    "--report",
    metavar="FILE",
    type=NamedPath(dir_okay=False),
    help="Write a JSON line for each notification sent: id, event, times, status, SHA-256 of the body.",
)
@click.option("--overwrite", is_flag=True, help="Let --archive replace a file that exists.")
@click.option("--quiet", is_flag=True, help="Say nothing on the way, only how it ended.")
def simulate(**given: Any) -> None:
    """Play the sender: the notifications of a small reseller's accounts, users and servers, signed.

    \b
    Live, two a second until Ctrl-C:
      clc-receiver simulate --to http://127.0.0.1:8080
    One changed address, to see whether all works:
      clc-receiver simulate --to http://127.0.0.1:8080 --event Account.Updated --account DEMO
    A stolen administrator's day, for an audit to find; another --seed, another administrator:
      clc-receiver simulate --to http://127.0.0.1:8080 --story stolen-administrator
    A month of history, in a file to import:
      clc-receiver simulate --archive month.jsonl --days 30
    The examples of another sender's profile:
      clc-receiver simulate --sender stripe --to http://127.0.0.1:8080
      clc-receiver simulate --sender stripe --archive stripe.jsonl
    A month of a made-up organization of GitHub:
      clc-receiver simulate --sender github --archive month.jsonl --days 30

    The receiver must verify with the simulator's public key: CLC_PUBLIC_KEY=FILE.pub (see --key). Where it has a
    CLC_URL_SECRET, set the same here. It sends nothing twice. The exit code is 1 if any answer was not 200.
    """  # noqa: D301 - click's mark for "keep these lines"
    options = Options(**given)
    check_usage(options)
    end = time.time() if options.end is None else options.end
    if options.sender is not None:
        if play(options, end):
            click.get_current_context().exit(1)
        return
    key_path = options.key_path or read_settings().data_dir / "simulator.pem"
    key = _load_key(key_path)
    simulation = Simulation(options.seed, options.a_day)
    stories = tuple(dict.fromkeys(options.stories))
    if options.archive and options.days:
        history = simulation.make_history(options.days, end, options.count, stories)
        usual = options.count or round(options.days * (options.a_day or NOTIFICATIONS_A_DAY))
        about = usual + simulation.count_in_stories(stories, end)
        _write(options.archive, history, about, key, quiet=options.quiet)
    else:
        seal = seal_with(key, read_settings().url_secret)
        with open_report(options.report) as report:
            poster = Poster(str(options.url), seal, options.concurrency, report)
            poster.check()
            _send(poster, *_plan_live(simulation, options, stories, end), options, key_path)


def _plan_live(
    simulation: Simulation, options: Options, stories: tuple[str, ...], end: float
) -> tuple[Iterator[list[Outgoing]], int | None]:
    """Return what is sent, and how many notifications; None for no end."""
    if stories:
        return simulation.play_stories(stories, time.time), options.count or simulation.count_in_stories(stories, end)
    if past := HISTORY_DAYS if options.history_days is None else options.history_days:
        simulation.pass_over(past, end)
    groups = _make_groups(simulation, options.event_type, options.alias or made_up.DEMO_ALIAS)
    return groups, options.count or (1 if options.event_type else None)


def _load_key(path: Path) -> RSAPrivateKey:
    key, made = load_or_make_key(path)
    if made:
        click.echo(
            f"Made the key {path}; the receiver verifies with CLC_PUBLIC_KEY={find_public_key_path(path)}", err=True
        )
    return key


def _make_groups(simulation: Simulation, event_type: str | None, alias: str) -> Iterator[list[Outgoing]]:
    if event_type is None:
        return simulation.live(time.time)
    return ([simulation.make_event(event_type, alias, time.time())] for _ in counted())


def _write(path: Path, history: Iterator[Outgoing], about: int, key: RSAPrivateKey, *, quiet: bool) -> None:
    with Progress("Writing", about, quiet=quiet) as progress:
        written = write_archive(path, history, key, progress.update)
        progress.complete(written)
    click.echo(f"Wrote {written:,} notifications to {path}.", err=True)


def _send(
    poster: Poster, groups: Iterator[list[Outgoing]], count: int | None, options: Options, key_path: Path
) -> None:
    rate = options.rate
    dues = schedule(rate, options.a_day, options.seed)
    if count and count > 1 and rate and not options.a_day and not options.quiet:
        click.echo(f"Sending {count:,} notifications, {rate:g} a second: about {count / rate:,.0f} s.", err=True)
    try:
        with Progress("Sending", count, quiet=options.quiet) as progress:
            poster.send(groups, dues, count, progress.update)
    finally:
        click.echo(poster.tally.summarize(), err=True)
    if any("signature_invalid" in error for error in poster.tally.errors):
        click.echo(
            f"The receiver does not know this key: start it with CLC_PUBLIC_KEY={find_public_key_path(key_path)}",
            err=True,
        )
    if poster.tally.errors:
        click.get_current_context().exit(1)
