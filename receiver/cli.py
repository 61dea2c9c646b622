"""The command `clc-receiver`."""

import errno
import os
import sys
import traceback
from importlib import import_module
from typing import Any

import click

from receiver import __version__
from receiver.data_directory.private import restrict
from receiver.errors import ReceiverError, SettingsError
from receiver.files import allow_descriptors
from receiver.logs import make_visible
from receiver.settings import find_unknown_variables

# A command is imported when it is called. Libraries that `serve` does not need would start threads, and those would
# take the signals that `serve` holds back while it becomes another version (`supervision/handover.py`).
_COMMANDS = {
    "serve": "receiver.commands.serve:serve",
    "check": "receiver.commands.check:check",
    "demo": "receiver.commands.demo:demo",
    "simulate": "receiver.commands.simulate:simulate",
    "import": "receiver.commands.import_:import_command",
    "upgrade": "receiver.commands.upgrade:upgrade",
    "rebuild": "receiver.commands.rebuild:rebuild",
    "backup": "receiver.commands.backup:backup",
    "restore": "receiver.commands.restore:restore",
    "accept-loss": "receiver.commands.accept_loss:accept_loss",
    "senders": "receiver.commands.senders:senders",
    "join": "receiver.commands.join:join",
    "forget": "receiver.commands.forget:forget",
    "status": "receiver.commands.status:status",
    "verify": "receiver.commands.verify:verify",
}
_PLATFORMS = ("linux", "darwin")
_INTERRUPTED = "Query interrupted"
"""What DuckDB raises where Ctrl-C comes while a query runs in the main thread."""


class _Commands(click.Group):
    """A group of commands whose errors are one sentence each: exit 2 for bad usage, 1 for the rest."""

    def main(self, *arguments: Any, **options: Any) -> Any:
        try:
            return super().main(*arguments, **options)
        except OSError as error:
            if not _is_of_echo(error):
                raise
            # The rest of the output goes nowhere; else writing it would fail again at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            click.echo(f"Error: Standard output can't be written: {error.strerror or error}.", err=True)
            sys.exit(1)

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return sorted(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in _COMMANDS:
            return None
        module, _, name = _COMMANDS[cmd_name].partition(":")
        command: click.Command = getattr(import_module(module), name)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.NoSuchCommand as error:
            raise click.NoSuchCommand(error.command_name, possibilities=_COMMANDS, ctx=ctx) from None

    def invoke(self, ctx: click.Context) -> Any:
        if sys.platform not in _PLATFORMS:
            click.echo("clc-receiver runs on Linux and macOS; on Windows, run it in WSL.", err=True)
            ctx.exit(1)
        allow_descriptors()
        if os.environ.get("NO_COLOR"):
            ctx.color = False
        try:
            return super().invoke(ctx)
        except ReceiverError as error:
            click.echo(f"Error: {make_visible(str(error))}", err=True)
            ctx.exit(2 if isinstance(error, SettingsError) else 1)
        except PermissionError as error:
            if error.filename is None:
                raise
            hint = "Run this as the user who runs `clc-receiver serve`"
            click.echo(
                f"Error: {make_visible(str(error.filename))} can't be used: permission denied. {hint}.", err=True
            )
            ctx.exit(1)
        except OSError as error:
            if error.errno != errno.ENAMETOOLONG:
                raise
            path = make_visible(str(error.filename or "A path"))
            click.echo(f"Error: {path} can't be used: it is too long. Name a shorter one.", err=True)
            ctx.exit(1)
        except RuntimeError as error:
            if str(error) == _INTERRUPTED:
                raise click.Abort from None
            raise


def _is_of_echo(error: OSError) -> bool:
    """Say whether it was `click.echo` that could not write."""
    *_, (frame, _) = traceback.walk_tb(error.__traceback__)
    return frame.f_code is click.echo.__code__


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="clc-receiver")
@click.pass_context
def main(context: click.Context) -> None:
    """Receive CenturyLink Cloud webhooks and keep them in DuckDB."""
    restrict()
    if context.invoked_subcommand not in {"serve", "check"}:  # the log of one says so, the reading side of the other
        for sentence in find_unknown_variables():
            click.echo(f"Warning: {make_visible(sentence)}", err=True)
