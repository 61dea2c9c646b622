"""`clc-receiver verify`."""

import sys
import time
from collections import Counter
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import click

from receiver.commands.options import NamedPath, take_data_dir
from receiver.data_directory.access import check_user
from receiver.data_directory.incidents import read_incidents, was_recovered
from receiver.database.extent import read_watermarks
from receiver.database.reading import Reader, open_reader
from receiver.errors import DataDirectoryError, ProfileError
from receiver.keeping.scrub import scrub
from receiver.keeping.scrub_loop import write_scrub_note
from receiver.keeping.verification import (
    Means,
    Tally,
    UsedKey,
    can_check_accounts,
    check_former,
    check_spooled,
    check_stored,
    check_whole,
    find_gaps,
    find_lacking_keys,
    list_used_keys,
    open_checkers,
    read_extent,
    read_scope,
)
from receiver.keeping.verification.invariants import Violation, check_gaps, check_missing
from receiver.logs import make_visible
from receiver.processes.garbage import put_off_collection
from receiver.senders import CENTURYLINK, load_senders
from receiver.senders.copies import load_remembered_profiles
from receiver.senders.keys import (
    Keys,
    index_by_fingerprint,
    list_remembered_files,
    load_remembered_keys,
    write_public_pem,
)
from receiver.settings import Settings, read_settings
from receiver.spool.owners import count_whole_backlog, list_former_spools

_STEPS = 1_000
_UNSIGNED = "SELECT count(*) FROM notifications WHERE signature_status = 'missing'"
_ADVICE = (
    "Before anything else keep a copy: clc-receiver backup evidence.duckdb. A rebuild derives changes again, and so "
    "overwrites the trace of what was altered."
)
LINES_OF_A_KIND = 10
NOT_ALL_CHECKED = 2
"""The exit code if a key, a secret or a profile is missing."""


@click.command(short_help="Check that nothing stored is lost, doubled or altered.")
@take_data_dir
@click.option(
    "--public-key",
    "key_files",
    multiple=True,
    type=NamedPath(),
    help="Another public key that signed notifications; repeatable.",
)
@click.option(
    "--secrets-dir",
    "secret_dirs",
    multiple=True,
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Another directory like CLC_SECRETS_DIR, with former secrets; repeatable.",
)
@click.option("--scrub", "with_scrub", is_flag=True, help="Also re-read the whole database file from the disk.")
@click.option("--all", "every_line", is_flag=True, help="Print every row that fails, not ten of a kind.")
def verify(
    data_dir: Path | None,
    key_files: tuple[Path, ...],
    secret_dirs: tuple[Path, ...],
    with_scrub: bool,
    every_line: bool,
) -> None:
    """Check all that is stored: each signature over the stored bytes, and that nothing is lost, doubled or altered.

    Works whether `serve` is running or not, and says how many rows wait in the spool. Prints a line on stdout for each
    row that fails (the problem, seq, id and details), and for each restore or recovery that lost rows. Then the exit
    code is 1. Signatures are checked under the keys that judged them at receipt, which are in CLC_DATA_DIR/keys; if one
    is missing, nothing is checked and the exit code is 2. Signatures of other senders are checked under the secrets
    that `serve` uses. If a secret or the profile of a sender is missing, the other notifications are checked, and if
    they have no problem, the exit code is 2.
    """
    settings = read_settings(data_dir=data_dir)
    keys = _load_keys(settings, key_files)
    with open_reader(settings) as reader:
        if with_scrub and _scrub(settings, reader):
            click.echo("Nothing else was checked, because damaged blocks can't be read.", err=True)
            raise click.exceptions.Exit(1)
        if lacking := find_lacking_keys(reader, keys):
            for each in lacking:
                click.echo(make_visible(f"{each.describe_lack()}: {_advise(settings, each)}"), err=True)
            click.echo("Nothing was checked.", err=True)
            raise click.exceptions.Exit(NOT_ALL_CHECKED)
        tally = Tally()
        failed = _check(settings, reader, keys, secret_dirs, tally, every_line=every_line)
    if failed:
        raise click.exceptions.Exit(1)
    if any(each.is_lacking for each in tally.unjudged):
        raise click.exceptions.Exit(NOT_ALL_CHECKED)


def _load_keys(settings: Settings, key_files: tuple[Path, ...]) -> Keys:
    """Load the keys of earlier receipts, the key of the settings, and the named ones."""
    named = map(CENTURYLINK.verification.load_key, (settings.public_key, *key_files))
    return load_remembered_keys(settings.data_dir) | index_by_fingerprint(named)


def _advise(settings: Settings, lacking: UsedKey) -> str:
    """Say what to do about a key that is not at hand, and whether there is a file of it, which is of no use then."""
    file = list_remembered_files(settings.data_dir).get(lacking.fingerprint or "")
    if file:
        return f"{file} holds another key or none, or can't be read; name a copy with --public-key."
    return "name its file with --public-key."


def _scrub(settings: Settings, reader: Reader) -> bool:
    """Re-read the database file, print the rows in damaged blocks, and tell whether there are any."""
    with click.progressbar(length=_STEPS, label="Re-reading the database", file=sys.stderr) as bar:

        def advance(done: int, total: int) -> None:
            bar.update(done * _STEPS // max(total, 1) - bar.pos)

        damaged = scrub(reader, settings.database, advance=advance)
        bar.update(_STEPS - bar.pos)
    for each in damaged:
        click.echo(f"damaged: {each}")
    try:
        check_user(settings.data_dir)
        write_scrub_note(settings.data_dir, damaged)
    except DataDirectoryError as error:
        click.echo(f"The result is not saved, so `status` does not show it. {error}", err=True)
    except OSError as error:
        click.echo(f"The result can't be saved ({error.strerror}), so `status` does not show it.", err=True)
    return bool(damaged)


def _check(
    settings: Settings, reader: Reader, keys: Keys, secret_dirs: tuple[Path, ...], tally: Tally, *, every_line: bool
) -> Counter[str]:
    began = time.monotonic()
    senders = load_senders(settings.senders)
    load_remembered_profiles(settings.data_dir, _say_of_no_use)
    extent, judged = read_extent(reader), list_used_keys(reader)
    gaps = find_gaps(reader, extent)
    are_explained = was_recovered(settings.data_dir)
    scope = read_scope(reader, extent, senders)
    means = Means(settings, tuple(map(write_public_pem, keys.values())), secret_dirs, scope)
    with (
        click.progressbar(length=extent.rows, label="Checking notifications", file=sys.stderr) as bar,
        open_checkers(reader, means, extent.rows) as checkers,
        put_off_collection(),
    ):
        violations = chain(
            check_stored(reader, scope, extent, checkers, bar.update, tally),
            check_whole(reader, extent),
            check_gaps([] if are_explained else gaps),
            check_spooled(reader, settings.spool_directory),
            check_former(reader, settings),
            check_missing((each.at, each.missing) for each in read_incidents(settings.data_dir) if each.missing),
        )
        failed = _print(violations, every_line=every_line)
    seconds = time.monotonic() - began
    pace = f" in {seconds:.1f} s ({extent.rows / max(seconds, 1e-9):,.0f}/s)"
    click.echo(f"{extent.rows:,} notifications checked{pace}. {_describe_judged(judged, tally)}", err=True)
    _say_unchecked(reader, tally)
    _say_waiting(settings, reader)
    if gaps and are_explained:
        _say_unused(gaps)
    _say_outcome(failed, tally, changes_too=scope is not None, accounts_too=can_check_accounts(reader))
    return failed


def _say_of_no_use(error: ProfileError) -> None:
    """Say that a saved profile can't be used by the checks."""
    said = f"A saved profile can't be used: {error} What was received under it may be named as derived."
    click.echo(make_visible(said), err=True)


def _say_unchecked(reader: Reader, tally: Tally) -> None:
    """Say of how many notifications no signature was checked, and why."""
    if unsigned := reader.read_rows(_UNSIGNED, [])[0][0]:
        click.echo(f"Unsigned: {unsigned:,}.", err=True)
    for each, number in sorted(tally.unjudged.items()):
        things = f"{number:,} {each.noun}{'' if number == 1 else 's'}"
        click.echo(make_visible(f"Not checked: {things} of {each.sender}; {each.reason}."), err=True)


def _say_waiting(settings: Settings, reader: Reader) -> None:
    """Say how many rows of the spool the database does not have yet: that is no fault."""
    rows = count_whole_backlog(settings, list_former_spools(settings), read_watermarks(reader.read_rows)).rows
    if rows:
        verb = "more row waits" if rows == 1 else "more rows wait"
        click.echo(f"{rows:,} {verb} in the spool and will be stored; `clc-receiver status` says since when.", err=True)


def _say_unused(gaps: list[tuple[int, int]]) -> None:
    ranges = ", ".join(str(first) if first == last else f"{first} to {last}" for first, last in gaps[:LINES_OF_A_KIND])
    more = f" and {len(gaps) - LINES_OF_A_KIND:,} more ranges" if len(gaps) > LINES_OF_A_KIND else ""
    click.echo(f"No notification has seq {ranges}{more}: a recovery or restore left numbers unused.", err=True)


def _say_outcome(failed: Counter[str], tally: Tally, *, changes_too: bool, accounts_too: bool) -> None:
    if not changes_too:
        click.echo(
            "Changes were not checked: they are being derived again, or an older version derived them.", err=True
        )
    if not accounts_too:
        click.echo("The states of accounts were not checked: an older version kept them in another way.", err=True)
    if failed:
        words = ", ".join(f"{number:,} {what}" for what, number in failed.most_common())
        click.echo(f"FAILED: {words}. {_ADVICE}", err=True)
    else:
        is_whole = changes_too and accounts_too and not tally.unjudged
        click.echo(f"No problems found{'' if is_whole else ' in the rest'}.", err=True)


def _describe_judged(judged: list[UsedKey], tally: Tally) -> str:
    """Say which keys judged the valid signatures, and how many each; and how many were checked under secrets."""
    parts = [
        f"{each.notifications:,} by the key {each.fingerprint or 'that was not noted at receipt'}" for each in judged
    ]
    valid = f"Valid signatures: {', '.join(parts)}." if parts else ""
    checked = [f"{count:,} of {name}" for name, count in sorted(tally.judged.items())]
    others = f"Checked under secrets: {', '.join(checked)}." if checked else ""
    return " ".join(filter(None, (valid, others))) or ("" if tally.unjudged else "No signature is valid.")


def _print(violations: Iterator[Violation], *, every_line: bool) -> Counter[str]:
    """Print violations (of each kind the first ten and the number of the others), and count them by kind."""
    failed: Counter[str] = Counter()
    for violation in violations:
        failed[violation.what] += 1
        if every_line or failed[violation.what] <= LINES_OF_A_KIND:
            click.echo(make_visible(str(violation)))
    for what, number in failed.items():
        if not every_line and number > LINES_OF_A_KIND:
            click.echo(f"{what}: {number - LINES_OF_A_KIND:,} more; --all prints them.")
    return failed
