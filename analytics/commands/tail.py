"""`clc-analytics tail`: notifications as they come, a line each, also across restarts of the receiver."""

import base64
import os
import select
import stat
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import IO, Any

import click
import orjson

from analytics.client.client import connect
from analytics.client.limits import MOST
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
LONGEST_NAME = 80
WIDTHS = {"event": 18, "account_alias": 4, "entity_id": 16, "actor": 16}
GROWING = ("http://", "https://")


def as_line(row: Row) -> bytes:
    """Return a notification as a line for people; text from outside can't disturb a terminal."""
    fields = {**row, "event": row["event_type"] or row["category"]}
    cells = [f"{stamp(row['received_at'])}Z", *(format_cell(fields[name], width) for name, width in WIDTHS.items())]
    if row["signature_status"] != "valid":
        cells.append(f"SIGNATURE {row['signature_status'].upper()}")
    if row["duplicate_of"]:
        cells.append("copy of one before")
    return f"{'  '.join([*cells, row['words']]).rstrip()}\n".encode()


def format_cell(value: str | None, width: int) -> str:
    """Return a name as a cell of at least that width; `-` for none."""
    text = shorten(value, LONGEST_NAME) if value else "-"
    return text + " " * (width - count_columns(text))


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


def follow(poll: Callable[[], Batch], written: Callable[[Row], bytes], out: IO[bytes], *, growing: bool) -> None:
    """Write new notifications as they come, without end where more can come.

    Raises:
        BrokenPipeError: the output's reader has gone.
    """
    while True:
        batch = poll()
        out.writelines(map(written, batch.rows))
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

    A line has: when it was received (UTC), event, account, entity, actor, the signature if it is not valid, whether
    it is a copy, and what it changed, or which alert it is. When the receiver goes away this waits for it, and goes on
    where it was: no notification is left out, none comes twice. A DuckDB file gets no more, so its newest are all
    there is.

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
            follow(poll, as_json if with_json else as_line, out, growing=growing)
