"""The command `clc-analytics`: turns errors into one line and an exit code."""

import errno
import os
import signal
import sys
from contextlib import suppress
from importlib.metadata import version

import click

from analytics.commands.check import check
from analytics.commands.dashboard import dashboard
from analytics.commands.export import export
from analytics.commands.findings import findings
from analytics.commands.output import describe_output, discard_output, is_of_echo
from analytics.commands.sql import sql
from analytics.commands.tail import tail
from analytics.errors import AnalyticsError, SettingsError
from analytics.settings import find_unknown_variables
from analytics.text import LINES, make_visible

DONE, FAILED = 0, 1
PATIENCE_SECONDS = 5.0
"""The longest wait of SIGTERM for the end of queries."""
_ENDED_BY = 128
"""Plus a signal's number, as shells have it."""


@click.group(name="clc-analytics", context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(version("clc-webhook-analytics"), prog_name="clc-analytics")
def command() -> None:
    """Look at what a receiver of CenturyLink Cloud webhooks has stored.

    The receiver's location comes from CLC_QUERY_LISTEN, CLC_QUERY_TOKEN and CLC_DATA_DIR, in the environment or in
    a file .env. Exit codes: 0 done, 1 failed, 2 wrong usage.
    """
    if os.environ.get("NO_COLOR"):
        click.get_current_context().color = False
    with suppress(SettingsError):  # each command reads the settings, and has an exit code of its own for this
        for sentence in find_unknown_variables():
            click.echo(f"Warning: {make_visible(sentence)}", err=True)


for each in (check, dashboard, export, findings, sql, tail):
    command.add_command(each)


def run(arguments: list[str] | None = None) -> int:
    """Run the command and return its exit code."""
    try:
        code = command.main(arguments, prog_name="clc-analytics", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except AnalyticsError as error:
        click.echo(f"Error: {make_visible(str(error), LINES)}", err=True)
        return FAILED
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            path = make_visible(str(error.filename or "A path"))
            click.echo(f"Error: {path} can't be used: it is too long. Name a shorter one.", err=True)
            return FAILED
        if not is_of_echo(error):
            raise
        discard_output()
        click.echo(f"Error: {describe_output(error)}", err=True)
        return FAILED
    except (click.Abort, KeyboardInterrupt):
        return FAILED
    return code if isinstance(code, int) else DONE


def main() -> None:
    """Run the command and exit; only the user can read the files that it writes."""
    os.umask(0o077)
    signal.signal(signal.SIGTERM, _end)
    sys.exit(run())


def _end(number: int, _frame: object) -> None:
    """End as at an error, so that no unfinished or temporary file is left.

    A second signal ends it at once. So does the end of the patience: a query in another thread may wait very long for a
    store that hangs.
    """
    signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGALRM, lambda *_: signal.raise_signal(number))
    signal.setitimer(signal.ITIMER_REAL, PATIENCE_SECONDS)
    sys.exit(_ENDED_BY + number)
