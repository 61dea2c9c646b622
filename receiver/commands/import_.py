"""`clc-receiver import`."""

import os
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import click

from receiver.admission import Admission
from receiver.commands.options import take_data_dir, take_public_key
from receiver.data_directory import access as data_directory
from receiver.data_directory.accounts import AllowedAccounts
from receiver.data_directory.node import has_listener
from receiver.database.replacing import finish_offline
from receiver.errors import SettingsError
from receiver.importer import Deciders, import_archive, name_archive, open_archive
from receiver.logs import make_visible
from receiver.processes.state import read_state
from receiver.sender_admission import SenderAdmission
from receiver.senders import CENTURYLINK
from receiver.senders.copies import remember_profiles
from receiver.senders.judge import SignatureJudge
from receiver.senders.keys import remember_key
from receiver.senders.set_up import load_profiles, load_secrets
from receiver.settings import Settings, read_settings
from receiver.spool import SpoolWriter
from receiver.spool import owners as spools

LINES_OF_A_KIND = 10
LEFT_OUT = ("malformed", "too_large")
"""Results of lines that are kept nowhere."""
HINTS = {
    "account_not_allowed": ": are their accounts in CLC_ACCOUNTS?",
    "accounts_unreadable": ": the log says why accounts.sqlite can't be read.",
    "signature_invalid": ": were they signed with CLC_PUBLIC_KEY, or a secret that is set?",
    "signature_missing": "; `--signatures record` takes unsigned ones.",
    "unknown_sender": ": are the secrets of their senders set?",
}


@click.command("import", short_help="Take in an archive of notifications.")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False, allow_dash=True))
@click.option("--signatures", type=click.Choice(["require", "record"]), help="Overrides CLC_SIGNATURES.")
@take_public_key
@click.option("--all", "every_line", is_flag=True, help="Name every line that is left out, not ten of a kind.")
@take_data_dir
def import_command(
    file: Path, signatures: str | None, public_key: Path | None, every_line: bool, data_dir: Path | None
) -> None:
    """Take in the archive FILE, or standard input if it is `-`, whether `serve` is running or not.

    Each line of FILE is a JSON object: received_at, event, source_ip, headers, body. Lines of another sender than
    CenturyLink Cloud have sender, too, and exported ones row. Each line is verified and classified as if it had been
    posted at its received_at; an exported one keeps its columns. A line that is malformed, or whose body is larger than
    CLC_MAX_BODY_BYTES, is reported and left out; the others are imported, and the exit code is 1. It is 1, too, if all
    lines are refused, as with another CLC_PUBLIC_KEY. A file that is imported twice is stored twice.
    """
    settings = read_settings(signatures=signatures, public_key=public_key, data_dir=data_dir)
    _check_role(settings)
    with open_archive(file) as archive:
        results, deciders = _import(archive, name_archive(file), settings, every_line=every_line)
    click.echo(" ".join(_summarize(results, settings)), err=True)
    for each, number in sorted(deciders.judge.unjudged.items()):
        signatures = f"{number:,} {'signature' if number == 1 else 'signatures'}"
        click.echo(make_visible(f"Kept as exported: {signatures} of {each.sender}; {each.reason}."), err=True)
    if any(results[result] for result in LEFT_OUT) or (results.total() and not results["accepted"]):
        raise click.exceptions.Exit(1)


def _import(archive: BinaryIO, name: str, settings: Settings, *, every_line: bool) -> tuple[Counter[str], Deciders]:
    data_directory.check_user(settings.data_dir)
    data_directory.prepare(settings)
    spools.claim(settings)
    finish_offline(settings)
    accounts = AllowedAccounts(settings.accounts, settings.learned_accounts)
    key = CENTURYLINK.verification.load_key(settings.public_key)
    remember_key(settings.data_dir, key)
    deciders = _make_deciders(settings, Admission(key, settings.signatures, accounts))
    spool, report = SpoolWriter(settings.spool_directory), _Report(every_line=every_line)
    size = os.fstat(archive.fileno()).st_size
    try:
        with click.progressbar(length=size, label=f"Importing {Path(name).name}", file=sys.stderr) as bar:
            results = import_archive(
                archive, name, deciders, spool, report.add, bar.update, max_body_bytes=settings.max_body_bytes
            )
    finally:
        spool.close()
        accounts.close()
    report.end()
    return results, deciders


class _Report:
    """Names lines that are left out: of each kind the first ten and the number of the others, or every one."""

    def __init__(self, *, every_line: bool) -> None:
        self._every_line = every_line
        self._named: Counter[str] = Counter()

    def add(self, kind: str, sentence: str) -> None:
        """Name a line."""
        self._named[kind] += 1
        if self._every_line or self._named[kind] <= LINES_OF_A_KIND:
            click.echo(make_visible(sentence), err=True)

    def end(self) -> None:
        """Say how many lines were not named."""
        for kind, number in self._named.items():
            if not self._every_line and number > LINES_OF_A_KIND:
                click.echo(f"{kind}: {number - LINES_OF_A_KIND:,} more lines; --all names them.", err=True)


def _check_role(settings: Settings) -> None:
    """Check that this machine has a spool.

    Raises:
        SettingsError: it stores only.
    """
    state = read_state(settings.data_dir)
    if state and not has_listener(state.role):
        raise SettingsError(
            f"The `serve` of {settings.data_dir} runs with `--only store` and sends nothing to the shared spool: "
            "import on a machine that takes notifications."
        )


def _make_deciders(settings: Settings, admission: Admission) -> Deciders:
    profiles = load_profiles(settings)
    secrets = load_secrets(settings, profiles.values())
    senders = SenderAdmission(profiles, secrets, settings.signatures)
    remember_profiles(settings.data_dir, profiles.values())  # exported ones may be of any sender
    return Deciders(admission, senders, profiles, SignatureJudge(profiles, secrets), settings.signatures)


def _summarize(results: Counter[str], settings: Settings) -> Iterator[str]:
    """Yield sentences on the lines that were imported, refused and left out."""
    left_out = Counter({result: count for result, count in results.items() if result in LEFT_OUT})
    refused = results - left_out - Counter(accepted=results["accepted"])
    if results["accepted"] or not refused:
        yield f"{results['accepted']:,} {'notification' if results['accepted'] == 1 else 'notifications'} imported."
    if refused:
        everything = "All " if refused.total() == results.total() > 1 else ""
        verb = "was" if refused.total() == 1 else "were"
        ((reason, _),) = refused.most_common(1)
        yield f"{everything}{refused.total():,} {verb} refused ({_name_parts(refused)}){HINTS.get(reason, '.')}"
        yield "They are kept in `rejected`."
    if left_out:
        yield f"{left_out.total():,} left out ({_name_parts(left_out)})."
    if (results["accepted"] or refused) and data_directory.find_running_serve(settings.data_dir) is None:
        yield "`clc-receiver serve` is not running here; it writes imports to the database when it starts."


def _name_parts(results: Counter[str]) -> str:
    """Name the results, with their numbers if there are several."""
    if len(results) == 1:
        return next(iter(results))
    return ", ".join(f"{count:,} {result}" for result, count in results.most_common())
