"""A command's output: to a terminal without control characters, to a pipe, or to a file that appears when complete."""

import errno
import io
import os
import secrets
import stat
import sys
import traceback
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import IO, Any, cast

import click

from analytics import queries, senders
from analytics.client.client import Client
from analytics.client.completeness import find_complete_since
from analytics.errors import OutputError
from analytics.text import LINES, make_visible
from analytics.times import stamp

EXAMPLES = senders.find_examples()
event_option = click.option(
    "--event",
    "events",
    multiple=True,
    metavar="NAME",
    help=f"Only this event ({EXAMPLES.event}), or a category with all its events ({EXAMPLES.category}); repeatable.",
)
account_option = click.option(
    "--account", "accounts", multiple=True, metavar="ALIAS", help="Only notifications of this account; repeatable."
)
sender_option = click.option(
    "--sender", "sender_names", multiple=True, metavar="NAME", help="Only notifications of this sender; repeatable."
)
location_option = click.option(
    "-l", "--location", help="URL of a query service, DuckDB file, or place of a lake, instead of the receiver's."
)

output_option = click.option(
    "-o", "--output", type=click.Path(path_type=Path), help="Write to a new file; its suffix says the format."
)
overwrite_option = click.option("--overwrite", is_flag=True, help="Let -o replace a file that exists.")


def find_events(client: Client, names: Iterable[str]) -> list[str] | None:
    """Return events and categories, given in any letter case, as the store has them; None without any.

    Raises:
        click.BadParameter: the store has no such event, and no sender that the program knows has one.
        AnalyticsError: no answer.
    """
    wanted = list(dict.fromkeys(names))
    if not wanted:
        return None
    stored = [str(name) for name in client.sql(*queries.make_query("event_names", {})).column("name").to_pylist()]
    known = {*senders.list_event_types(), *senders.list_categories(), *stored}
    for name in wanted:
        if name.lower() not in {each.lower() for each in known}:
            there = stored or senders.list_event_types()
            raise click.BadParameter(
                f"There is no event {name!r}. There is: {', '.join(map(make_visible, there))}.", param_hint="--event"
            )
    return sorted(each for each in known if each.lower() in {name.lower() for name in wanted})


def find_senders(client: Client, names: Iterable[str]) -> list[str] | None:
    """Return the names of senders, given in any letter case; None without any.

    Raises:
        click.BadParameter: the store has no notification of one.
        AnalyticsError: no answer.
    """
    wanted = {name.lower() for name in names}
    if not wanted:
        return None
    stored = [str(name) for name in client.sql(*queries.make_query("sender_names", {})).column("name").to_pylist()]
    for name in sorted(wanted.difference(stored)):
        told = f"Nothing is stored of a sender {name!r}. Stored are: {', '.join(stored) or 'none'}."
        raise click.BadParameter(told, param_hint="--sender")
    return sorted(wanted)


def list_aliases(names: Iterable[str]) -> list[str] | None:
    """Return account aliases in upper case, as queries compare them; None without any."""
    return [name.upper() for name in names] or None


def describe_unknown_accounts(client: Client, accounts: Iterable[str]) -> list[str]:
    """Return a sentence for each account of which nothing is stored: a misspelt one would look like a quiet one.

    Raises:
        AnalyticsError: no answer.
    """
    if not (aliases := list_aliases(accounts)):
        return []
    known = client.sql(*queries.make_query("export_accounts", {"accounts": aliases})).column("alias").to_pylist()
    unknown = [alias for alias in dict.fromkeys(aliases) if alias not in known]
    return [f"Nothing that is stored names an account {make_visible(alias)}." for alias in unknown]


LACKING_ROWS = "only the last state of each entity is here; the rest is in the lake."


def describe_lacking(client: Client, since: datetime | None, rest: str) -> list[str]:
    """Return a sentence on dropped months if the store lacks some of a time; else none.

    Args:
        client: asks the store.
        since: the begin of that time; None is all of time.
        rest: what is to be had of those months, after "Of months before …".

    Raises:
        AnalyticsError: no answer.
    """
    complete_since = find_complete_since(client)
    if complete_since is None or (since is not None and since >= complete_since):
        return []
    return [f"Of months before {stamp(complete_since)} UTC, {rest}"]


# Rows hold personal data: no other user may read the file, and no link of another user may redirect it.
_OWNER_ONLY = 0o600
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW


def is_standard(output: Path | None) -> bool:
    """Say whether the output is standard output: `-o -`, or no `-o`."""
    return output is None or str(output) == "-"


def find_format(output: Path | None, formats: Mapping[str, str]) -> str | None:
    """Return the format of a file's suffix; None for standard output.

    Args:
        output: the file.
        formats: the formats by suffix, in lower case.

    Raises:
        click.UsageError: no format has this suffix.
    """
    if output is None or is_standard(output):
        return None
    suffix = output.suffix.lower()
    if suffix not in formats:
        wrong = f"Unknown output format {suffix}" if suffix else f"{output.name} has no suffix"
        raise click.UsageError(f"{wrong}: use one of {', '.join(formats)}, or give --format.")
    return formats[suffix]


@contextmanager
def open_output(output: Path | None, *, overwrite: bool = False) -> Iterator[IO[bytes]]:
    """Open the output; a file appears under its name only when it is complete, and only its owner may read it.

    Args:
        output: the file; None and `-` are standard output.
        overwrite: whether it replaces a file of that name.

    Raises:
        OutputError: standard output or the file can't be written, or the file exists, or is a link.
    """
    if output is None or is_standard(output):
        with open_standard() as out:
            yield out
        return
    check_target(output, overwrite=overwrite)
    try:
        with open_new_file(output, overwrite=overwrite) as file:
            yield file
    except OSError as error:
        raise OutputError(f"{output} can't be written: {error.strerror or error}.") from error


@contextmanager
def open_standard() -> Iterator[IO[bytes]]:
    """Open standard output; when a pipe's reader has enough, the block ends without an error.

    Raises:
        OutputError: it is closed, or can't be written.
    """
    if not has_output():
        raise OutputError("Standard output is closed: redirect it to a file.")
    try:
        out: IO[bytes] = sys.stdout.buffer
        yield cast("IO[bytes]", TerminalOutput(out)) if sys.stdout.isatty() else out
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        discard_output()
    except OSError as error:
        discard_output()
        raise OutputError(describe_output(error)) from error


def has_output() -> bool:
    """Say whether there is a standard output; Python has none where it was closed before the start, as by `>&-`."""
    return bool(sys.stdout)


def is_terminal() -> bool:
    """Say whether standard output is a terminal."""
    return has_output() and sys.stdout.isatty()


def discard_output() -> None:
    """Send the rest of standard output nowhere; else writing it would fail again at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def describe_output(error: OSError) -> str:
    """Say in a sentence that standard output can't be written, and why."""
    return f"Standard output can't be written: {error.strerror or error}."


def is_of_echo(error: OSError) -> bool:
    """Say whether it was `click.echo` that could not write."""
    *_, (frame, _) = traceback.walk_tb(error.__traceback__)
    return frame.f_code is click.echo.__code__


def check_target(output: Path | None, *, overwrite: bool) -> None:
    """Check that a file may be written.

    Raises:
        OutputError: it may not.
    """
    if output is None or is_standard(output):
        return
    try:
        status = output.lstat()
    except OSError:  # it does not exist, or opening it will report the error
        return
    if stat.S_ISLNK(status.st_mode):
        raise OutputError(f"{output} is a symbolic link, which could lead anywhere: name the file that it leads to.")
    if stat.S_ISDIR(status.st_mode):
        raise OutputError(f"{output} is a directory: name a file in it.")
    if not stat.S_ISREG(status.st_mode):
        raise OutputError(f"{output} is a pipe or device: name a file, or send standard output there.")
    if not overwrite:
        raise OutputError(f"{output} exists: name a file that does not, or give --overwrite.")


@contextmanager
def open_new_file(output: Path, *, overwrite: bool) -> Iterator[IO[bytes]]:
    """Open a file that gets its name at the end of a block, unless the block raises.

    Raises:
        OSError: it can't be written.
    """
    part = output.with_name(f".{output.name}.{secrets.token_hex(4)}.part")
    try:
        with os.fdopen(os.open(part, _NEW, _OWNER_ONLY), "wb") as file:
            yield file
        if overwrite:
            part.replace(output)
        else:
            rename_to_new(part, output)
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


def rename_to_new(part: Path, output: Path) -> None:
    """Give a file a name that no other has.

    Raises:
        OSError: another has it, or it can't be given.
    """
    try:
        os.link(part, output)  # unlike a rename, this replaces no file that has appeared meanwhile
    except OSError as error:
        if error.errno not in {errno.EPERM, errno.EOPNOTSUPP}:
            raise
        if os.path.lexists(output):  # on a file system without links
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(output)) from None
        part.rename(output)


class TerminalOutput(io.BufferedIOBase):
    """Writes UTF-8 text to a terminal, with control and formatting characters spelled as escapes.

    Args:
        out: the terminal.
    """

    def __init__(self, out: IO[bytes]) -> None:
        super().__init__()
        self._out = out

    def writable(self) -> bool:
        """Return true, because an `io.TextIOWrapper` asks."""
        return True

    def write(self, data: Any, /) -> int:
        """Write whole characters; return the number of bytes."""
        given = bytes(data)
        # Rows of CSV end like this; a single carriage return would let a field overwrite the text before it.
        text = given.decode("utf-8", "replace").replace("\r\n", "\n")
        self._out.write(make_visible(text, LINES).encode())
        return len(given)

    def flush(self) -> None:
        """Flush the terminal's own buffer."""
        self._out.flush()
