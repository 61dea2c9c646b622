"""`clc-receiver senders`."""

from collections.abc import Iterator
from pathlib import Path

import click

from receiver.commands.options import NamedPath
from receiver.logs import make_visible
from receiver.senders import load_senders
from receiver.senders.profile import Profile, check_name, load_profile
from receiver.senders.set_up import find_unclaimed, load_profiles, load_secrets, name_variable
from receiver.settings import Settings, read_settings
from receiver.trial import run_examples

_PROOFS = {
    "third-party": "anyone with the public key can check who sent it",
    "shared-secret": "a holder of the secret signed the body",
    "token": "a holder of the secret sent it; the body is not signed",
    "none": "nothing is signed",
}


@click.group(invoke_without_command=True, short_help="List the senders, and what their signatures prove.")
@click.pass_context
def senders(context: click.Context) -> None:
    """List the senders that the receiver knows: whether it takes them, and what a signature of each proves.

    Profiles of your own are those in the directory CLC_SENDERS. `senders check FILE` runs a profile's examples.
    """
    if context.invoked_subcommand is not None:
        return
    settings = read_settings()
    lines = sorted(_list_senders(settings))
    for sentence in find_unclaimed(settings):
        click.echo(f"Warning: {make_visible(sentence)}", err=True)
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        cells = (f"{cell:{width}}" for cell, width in zip(line, widths, strict=True))
        click.echo(make_visible("  ".join(cells).rstrip()))


@senders.command(short_help="Run the examples of a profile.")
@click.argument("file", type=NamedPath())
def check(file: Path) -> None:
    """Run the examples of the profile FILE, and print a line for each, and which fields of their entities are compared.

    The exit code is 1 if an example is not as expected, or if the profile lacks one that must be accepted or refused.
    """
    profile = load_profile(file)
    check_name(profile)
    outcomes = run_examples(profile)
    for outcome in outcomes:
        state = click.style("ok   ", fg="green") if outcome.is_expected else click.style("WRONG", fg="red")
        click.echo(f"{state}  {make_visible(f'{outcome.subject}  {outcome.text}')}")
    if not all(outcome.is_expected for outcome in outcomes):
        raise click.exceptions.Exit(1)


def _list_senders(settings: Settings) -> Iterator[tuple[str, str, str, str, str]]:
    """Yield name, title, origin, state and proof of each sender.

    Raises:
        SettingsError: CLC_SENDERS is no directory, or a secret can't be used.
        ProfileError: a profile is not usable.
    """
    secrets = load_secrets(settings, load_profiles(settings).values())
    for sender in load_senders(settings.senders).values():
        if not isinstance(sender, Profile):
            yield sender.name, sender.title, "shipped", "taken", _PROOFS["third-party"]
            continue
        proof = sender.scheme.proof
        is_own = settings.senders is not None and sender.path.is_relative_to(settings.senders)
        state = "taken" if sender.name in secrets or proof == "none" else f"needs {name_variable(sender.name)}"
        yield sender.name, sender.title, "own file" if is_own else "shipped", state, _PROOFS[proof]
