"""The command `clc-receiver`."""

import sys
from typing import Any

import click

from receiver import __version__
from receiver.commands.backup import backup
from receiver.commands.demo import demo
from receiver.commands.import_ import import_command
from receiver.commands.rebuild import rebuild
from receiver.commands.restore import restore
from receiver.commands.serve import serve
from receiver.commands.status import status
from receiver.commands.upgrade import upgrade
from receiver.commands.verify import verify
from receiver.errors import ReceiverError, SettingsError
from receiver.simulator.commands import simulate

_PLATFORMS = ("linux", "darwin")


class _Commands(click.Group):
    """A group of commands whose errors are one sentence each: exit 2 for bad usage, 1 for the rest."""

    def invoke(self, ctx: click.Context) -> Any:
        if sys.platform not in _PLATFORMS:
            click.echo("clc-receiver runs on Linux and macOS; on Windows, run it in WSL.", err=True)
            ctx.exit(1)
        try:
            return super().invoke(ctx)
        except ReceiverError as error:
            click.echo(f"clc-receiver: {error}", err=True)
            ctx.exit(2 if isinstance(error, SettingsError) else 1)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="clc-receiver")
def main() -> None:
    """Receive CenturyLink Cloud webhooks and keep them in DuckDB."""


main.add_command(serve)
main.add_command(demo)
main.add_command(simulate)
main.add_command(import_command)
main.add_command(upgrade)
main.add_command(rebuild)
main.add_command(backup)
main.add_command(restore)
main.add_command(status)
main.add_command(verify)
