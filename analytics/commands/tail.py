"""`clc-analytics tail`: notifications as they come, a line each, also across restarts of the receiver."""

import base64
import os
import select
import stat
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import IO, Any

import click
import orjson

from analytics.client.cancelling import MOST
from analytics.client.client import connect
from analytics.commands.output import (
    LACKING_ROWS,
    account_option,
    describe_lacking,
    describe_unknown_accounts,
    event_option,
    find_events,
    list_aliases,
    location_option,
    open_output,
)
from analytics.errors import NotRunningError, QueryError, TokenError
from analytics.export.archives import as_utc
from analytics.export.following import Batch, Follower, Row, TailFilter
from analytics.export.sql_formats import count_columns
from analytics.text import make_json_visible, make_visible, shorten
from analytics.times import stamp

PAUSE_SECONDS = 0.5
LONGEST_NAME = 48
WIDTHS = {"event_type": 18, "account_alias": 4, "entity_id": 16, "actor": 16}
GROWING = ("http://", "https://")


class Lines:
    """Writes notifications as lines for people; each column is as wide as its widest name so far."""

    def __init__(self) -> None:
        self._widths = WIDTHS

    def write(self, rows: Sequence[Row]) -> Iterator[bytes]:
        """Yield a line for each notification; text from outside can't disturb a terminal."""
        shown = [{name: _show_name(row, name) for name in WIDTHS} for row in rows]
        self._widths = {
            name: max([width, *(count_columns(cells[name]) for cells in shown)]) for name, width in self._widths.items()
        }
        for row, cells in zip(rows, shown, strict=True):
            aligned = [text + " " * (self._widths[name] - count_columns(text)) for name, text in cells.items()]
            marks = [] if row["signature_status"] == "valid" else [f"SIGNATURE {row['signature_status'].upper()}"]
            marks += ["copy of one before"] if row["duplicate_of"] else []
            parts = [f"{stamp(row['received_at'])}Z", *aligned, *marks, row["words"]]
            yield f"{'  '.join(parts).rstrip()}\n".encode()


def _show_name(row: Row, name: str) -> str:
    value = row[name] or (row["category"] if name == "event_type" else None)
    return shorten(value, LONGEST_NAME) if value else "-"


def as_json(row: Row) -> bytes:
    """Return a notification as a line of JSON with all its columns; the payload is a string, byte for byte.

    Control characters in it are escapes: they disturb no terminal, and a program reads the same text.
    """
    columns = {name: to_json(value) for name, value in row.items()}
    return make_json_visible(orjson.dumps(columns, option=orjson.OPT_APPEND_NEWLINE))


def to_json(value: Any) -> Any:
    """Return a column's value for JSON: moments in UTC, signatures in base64."""
    if isinstance(value, datetime):
        return as_utc(value)
    return base64.b64encode(value).decode() if isinstance(value, bytes) else value


def is_pipe(descriptor: int) -> bool:
    """Say whether another program reads the output."""
    mode = os.fstat(descriptor).st_mode
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)


def pause(seconds: float) -> None:
    """Wait while standard output has a reader.

    Raises:
        BrokenPipeError: it is a pipe, and its reader has gone.
    """
    descriptor = sys.stdout.fileno()
    if not is_pipe(descriptor):
        time.sleep(seconds)
        return
    watch = select.poll()
    watch.register(descriptor, 0)  # the event for a lost reader comes without being requested
    if watch.poll(seconds * 1000):
        raise BrokenPipeError


class Reception:
    """Keeps asking while the receiver is away, and says so once."""

    def __init__(self, follower: Follower) -> None:
        self._follower = follower
        self._away = False

    def poll(self) -> Batch:
        """Return new notifications; none while the receiver is away."""
        try:
            batch = self._follower.poll()
        except (NotRunningError, QueryError, TokenError) as error:
            if not self._away:
                click.echo(f"{make_visible(str(error))} Going on when it is back.", err=True)
            self._away = True
            return Batch([], more=False)
        if self._away:
            click.echo("The receiver is back.", err=True)
        self._away = False
        return batch


def follow(
    poll: Callable[[], Batch], write: Callable[[Sequence[Row]], Iterable[bytes]], out: IO[bytes], *, growing: bool
) -> None:
    """Write new notifications as they come, without end where more can come.

    Raises:
        BrokenPipeError: the output's reader has gone.
    """
    while True:
        batch = poll()
        out.writelines(write(batch.rows))
        out.flush()
        if batch.more:
            continue
        if not growing:
            return
        pause(PAUSE_SECONDS)


@click.command(short_help="Print notifications as they come.")
@click.option(
    "-n", "newest", type=click.IntRange(min=0), default=10, show_default=True, help="First print this many, the newest."
)
@event_option
@account_option
@click.option("--entity", metavar="TEXT", help="Only of entities with this in their names, in any case.")
@click.option("--json", "with_json", is_flag=True, help="Print JSON lines, all columns, the payload byte for byte.")
@location_option
def tail(
    newest: int,
    events: tuple[str, ...],
    accounts: tuple[str, ...],
    entity: str | None,
    with_json: bool,
    location: str | None,
) -> None:
    """Print notifications as they come, a line each, until Ctrl-C.

    A line has: when it was received (UTC), event, account, entity, actor, the signature if it is not valid, whether it
    is a copy, and what it changed, or which alert it is. If the receiver goes away, this waits for it and continues
    where it was: it leaves out no notification and prints none twice. From a DuckDB file, which gets no more, it prints
    the newest and ends.

    \b
    clc-analytics tail --account ACME --event Server
    clc-analytics tail -n 0 --json | jq -r '.payload | fromjson | .name'
    """  # noqa: D301 - click wraps no lines after the escape
    with suppress(KeyboardInterrupt), connect(location) as client:
        if with_json:
            client.check_tables()
        watched = TailFilter(list_aliases(accounts), find_events(client, events), entity or None)
        follower = Follower(client, watched, with_payload=with_json)
        begin = follower.start(min(newest, MOST))
        lacking = describe_lacking(client, begin, LACKING_ROWS) if newest else []
        for sentence in [*lacking, *describe_unknown_accounts(client, accounts)]:
            click.echo(sentence, err=True)
        with open_output(None) as out:
            growing = client.location.startswith(GROWING)
            poll = Reception(follower).poll if growing else follower.poll
            follow(poll, partial(map, as_json) if with_json else Lines().write, out, growing=growing)
