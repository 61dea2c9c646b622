"""`clc-analytics dashboard`: the dashboard, served to a browser."""

import os
import socket
import subprocess
import sys
from collections.abc import Collection
from contextlib import closing
from importlib.resources import files
from pathlib import Path

import click

from analytics.client.client import connect
from analytics.pages.pages import DashboardError, find_entry_file
from analytics.settings import list_variables, read_settings

THEME = "dashboard.toml"
SERVED = "served.py"
WHOLE_BYTES = 2**40
GIVES_WAY = 15
"""Its priority is lower than the receiver's by this much (`nice`), so that no viewer makes a sender wait."""


def refuse_empty(_context: click.Context, _option: click.Parameter, address: str) -> str:
    """Return an address, or raise wrong usage for an empty one, which would be all addresses of the machine."""
    if not address.strip():
        raise click.BadParameter("it is empty: name an address, 0.0.0.0 for all that the machine has.")
    return address


def check_free(address: str, port: int) -> None:
    """Make sure that the port is free.

    Raises:
        DashboardError: it is not.
    """
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with closing(socket.socket(family, socket.SOCK_STREAM)) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((address, port))
    except (OSError, TypeError, UnicodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "no host can have this name"
        raise DashboardError(
            f"The dashboard can't listen on {address}:{port} ({reason}); choose another with --port and --address."
        ) from error


def list_streamlit_options(port: int, address: str, hosts: Collection[str] = ()) -> list[str]:
    """Return Streamlit's settings as flags, so that no configuration file of Streamlit's changes them.

    Args:
        port: the port to listen on.
        address: the address to listen on.
        hosts: the host names of a proxy; its pages connect to the dashboard.
    """
    options: dict[str, object] = {
        "server.port": port,
        "server.address": address,
        # Else Streamlit offers to install things of its own beside the program, and installs them at a click.
        "server.headless": True,
        "server.baseUrlPath": "",
        "server.enableCORS": True,
        "server.enableXsrfProtection": True,
        "server.enableStaticServing": False,
        "server.enableAgentApi": False,
        "global.developmentMode": False,
        "server.showEmailPrompt": False,
        "server.fileWatcherType": "none",
        "browser.gatherUsageStats": False,
        "browser.serverAddress": address if address not in ("0.0.0.0", "::") else "localhost",  # noqa: S104
        "client.toolbarMode": "minimal",
        "client.showErrorDetails": "none",
        "client.disableDataExport": True,
        # Where rich is installed, Streamlit would draw errors with it, in a frame and colors, also into a file.
        "logger.enableRich": False,
        "runner.magicEnabled": False,
        # Streamlit would collect garbage after each drawing, before it sends the last of it: 0.1 s. Python itself
        # collects when needed.
        "runner.postScriptGC": False,
        # Streamlit sends a repeated long message by its name alone. A browser that leaves and returns at that moment
        # may not have it: "Cached ForwardMsg MISS". So every message is sent whole.
        "global.minCachedMessageSize": WHOLE_BYTES,
        "theme.base": str(files("analytics") / "themes" / THEME),
    }
    flags = [f"--{name}={str(value).lower() if isinstance(value, bool) else value}" for name, value in options.items()]
    return flags + [f"--server.corsAllowedOrigins=https://{host}" for host in sorted(hosts)]


@click.command(short_help="Show the dashboard in the browser.")
@click.option("--port", type=click.IntRange(1, 65535), default=8501, show_default=True, help="Port to listen on.")
@click.option("--address", default="127.0.0.1", show_default=True, callback=refuse_empty, help="Address to listen on.")
@click.option("--no-browser", is_flag=True, help="Open no browser.")
@click.option("--location", help="Query service URL or DuckDB file instead of the receiver's.")
def dashboard(port: int, address: str, no_browser: bool, location: str | None) -> None:
    """Show the dashboard in the browser, until Ctrl-C.

    It starts without a running receiver, too, and waits for one. It has no log-in of its own: if other machines can
    reach its address, put a proxy with a log-in in front of it, and name the proxy's host in CLC_DASHBOARD_HOSTS.
    """
    settings = read_settings()
    with connect(location) as client:
        client.check_tables()
    find_entry_file()
    check_free(address, port)
    arguments = [
        sys.executable,
        "-P",
        "-m",
        "streamlit",
        "run",
        str(files("analytics.pages.serving") / SERVED),
        *list_streamlit_options(port, address, settings.dashboard_hosts),
    ]
    if location:
        arguments += ["--", "--location", str(Path(location).absolute()) if Path(location).exists() else location]
    url = f"http://{f'[{address}]' if ':' in address else address}:{port}"
    click.echo(f"Dashboard: {url}  (Ctrl-C ends it)", err=True)
    os.nice(GIVES_WAY)
    os.environ.update(list_variables(settings))
    # Streamlit reads settings and secrets from `.streamlit` in the working directory, which may be a stranger's.
    os.chdir(str(files("analytics.pages")))
    if not no_browser:
        subprocess.run([sys.executable, "-P", "-m", "analytics.commands.opening", url], check=False)  # noqa: S603 - our own
    os.execv(sys.executable, arguments)  # noqa: S606 - signals then reach Streamlit itself
