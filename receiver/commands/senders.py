"""`clc-receiver senders`."""

from collections.abc import Iterator
from pathlib import Path

import click

from receiver.errors import SettingsError
from receiver.logs import make_visible
from receiver.senders import load_senders
from receiver.senders.profile import Profile, load_directory, load_profile, load_shipped, run_examples
from receiver.settings import read_settings

_PROOFS = {
    "third-party": "anyone with the public key can check who sent it",
    "shared-secret": "a holder of the secret signed the body",
    "token": "a holder of the secret sent it; the body is not signed",
    "none": "nothing is signed",
}


@click.group(invoke_without_command=True)
@click.pass_context
def senders(context: click.Context) -> None:
    """List the senders that the receiver knows, with what a signature of each proves.

    Profiles of your own are those in the directory CLC_SENDERS. `senders check FILE` runs a profile's examples.
    """
    if context.invoked_subcommand is not None:
        return
    lines = list(_list_senders(read_settings().senders))
    name_width, title_width = (max(len(line[column]) for line in lines) for column in (0, 1))
    for name, title, proof, origin in lines:
        click.echo(make_visible(f"{name:{name_width}}  {title:{title_width}}  {origin:8}  {proof}"))


@senders.command()
@click.argument("file", type=click.Path(path_type=Path))
def check(file: Path) -> None:
    """Run the examples of the profile FILE, and print a line for each.

    The exit code is 1 if an example is not as expected, or if the profile lacks one that must be accepted or refused.
    """
    outcomes = run_examples(load_profile(file))
    for outcome in outcomes:
        state = click.style("ok   ", fg="green") if outcome.is_expected else click.style("WRONG", fg="red")
        click.echo(f"{state}  {make_visible(f'{outcome.subject}  {outcome.text}')}")
    if not all(outcome.is_expected for outcome in outcomes):
        raise click.exceptions.Exit(1)


def _list_senders(directory: Path | None) -> Iterator[tuple[str, str, str, str]]:
    """Yield name, title, proof and origin of each sender.

    Raises:
        SettingsError: the directory is none.
        ProfileError: a profile is not usable.
    """
    if directory is not None and not directory.is_dir():
        raise SettingsError(f"CLC_SENDERS is {str(directory)!r}: it must be a directory.")
    own = load_directory(directory) if directory else {}
    for name, sender in sorted((load_senders() | load_shipped() | own).items()):
        # A sender that is no profile publishes its key.
        proof = sender.scheme.proof if isinstance(sender, Profile) else "third-party"
        yield name, sender.title, _PROOFS[proof], "own file" if name in own else "shipped"
