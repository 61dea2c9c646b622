"""`clc-receiver demo`: the whole product on made-up data, as one tree of processes that ends with this one."""

import contextlib
import tempfile
import time
import webbrowser
from collections.abc import Callable
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, NamedTuple, TypeVar

import click
import urllib3

from receiver.commands.options import NamedPath
from receiver.data_directory.access import Running, find_running_serve
from receiver.errors import DemoError
from receiver.files import make_directory
from receiver.network.sockets import find_free_address, is_free
from receiver.processes.parts import POLL_SECONDS, EndRequestedError, EndRequests, Parts
from receiver.senders import CENTURYLINK
from receiver.senders.keys import load_or_make_key
from receiver.settings import Settings, list_variables, read_settings
from receiver.simulator.demonstrated import Role, choose_role, describe, leave_settings, make_secrets
from receiver.simulator.options import MOST_A_SECOND, MOST_DAYS, Amount
from receiver.simulator.signed_examples import NAMES

T = TypeVar("T")

_START_SECONDS = 60.0
_HOST = "127.0.0.1"


@click.command(short_help="Show the whole product on made-up data.")
@click.option("--data-dir", type=NamedPath(), help="Keep the data here. Default: gone when it ends.")
@click.option("--days", type=Amount(0.1, MOST_DAYS), default=30, show_default=True, help="Days of history.")
@click.option(
    "--rate",
    type=Amount(0.01, MOST_A_SECOND),
    help="Live notifications a second. Default: as many as the history ends with, about one a minute by day.",
)
@click.option("--seed", type=int, default=1, show_default=True, help="Which made-up world.")
@click.option(
    "--sender",
    "senders",
    type=click.Choice((CENTURYLINK.name, *NAMES)),
    multiple=True,
    help="Whose notifications: a reseller's on CenturyLink Cloud (the default), or a small organization's on GitHub. "
    "May be given twice.",
)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8501,
    show_default=True,
    help="The dashboard's port; where it is taken, a free one.",
)
@click.option("--no-browser", is_flag=True, help="Open no browser.")
def demo(
    *,
    data_dir: Path | None,
    days: float,
    rate: float | None,
    seed: int,
    senders: tuple[str, ...],
    port: int,
    no_browser: bool,
) -> None:
    """Show the whole product on made-up data: receiver, a month of history, a live sender, the dashboard.

    It has keys, secrets and a data directory of its own and touches nothing of yours: settings that lead to your
    data, machines or object storage don't hold for it. It listens at CLC_LISTEN and CLC_QUERY_LISTEN, or on free
    ports where these are taken. Press Ctrl-C to stop the demo.
    """
    with EndRequests() as requests:
        span = "1 day" if days == 1 else f"{days:g} days"
        click.echo(f"Starting a demonstration with {span} of made-up notifications. Press Ctrl-C to stop it.", err=True)
        kept = nullcontext(str(data_dir)) if data_dir else tempfile.TemporaryDirectory(prefix="clc-demo-")
        with kept as directory:
            own = Path(directory).absolute()
            leave_settings()
            settings = read_settings(
                env_file=None,
                data_dir=own,
                spool_dir=own / "spool",
                public_key=own / "simulator.pem.pub",
                secrets_dir=own / "secrets",
                signatures="require",
            )
            run_demo(settings, Plan(days, rate, seed, senders or (CENTURYLINK.name,), port, not no_browser), requests)


def _say_if_other(name: str, wanted: str, address: str) -> None:
    """Say that a part has another port than the wanted one; port 0 wants any."""
    port, own = (each.rpartition(":")[2] for each in (wanted, address))
    if port not in ("0", own):
        click.echo(f"Port {port} is taken; the {name} uses {own}.", err=True)


def _choose_addresses(settings: Settings) -> dict[str, str]:
    """Return the receiver's addresses in the settings; of one that is taken the host with port 0, which takes any."""
    wanted = {"listen": settings.listen, "query_listen": settings.query_listen}
    return {name: each if is_free(each) else f"{each.rpartition(':')[0]}:0" for name, each in wanted.items()}


class Plan(NamedTuple):
    """The content of the demonstration.

    `days` of history with all stories, then `rate` notifications a second (None: as many as the history ends with), of
    the world that `seed` makes; whose notifications; the dashboard's port, if it is free; whether a browser is opened.
    """

    days: float
    rate: float | None
    seed: int
    senders: tuple[str, ...]
    port: int
    browser: bool


def run_demo(settings: Settings, plan: Plan, requests: EndRequests) -> None:
    """Show the product until the end is requested, then end all that was started.

    Args:
        settings: of the receiver; its public key is made where it is missing.
        plan: what to show.
        requests: the requests to end.

    Raises:
        DemoError: the data directory can't be used, or a part did not start, ended by itself or can't be ended.
    """
    with _prepare(settings, plan.senders) as log:
        parts = Parts(requests, list_variables(settings), log)
        demonstration = _Demo(settings, plan, parts, log)
        try:
            demonstration.start()
            demonstration.watch(requests)
        except EndRequestedError:
            click.echo("\nEnding …", err=True)
        finally:
            remaining = parts.end()
    if remaining:
        raise DemoError(f"These can't be ended; the system still holds them: {', '.join(remaining)}.")
    click.echo("The demonstration has ended, nothing of it is running.", err=True)


def _prepare(settings: Settings, senders: tuple[str, ...]) -> IO[bytes]:
    """Make what is missing of the data directory and its secrets, and open the log of the parts there."""
    data_dir, log = settings.data_dir, settings.data_dir / "demo.log"
    try:
        make_directory(data_dir)
        make_secrets(settings, senders)
        return log.open("ab")
    except OSError as error:
        what = log if error.filename == str(log) else data_dir
        raise DemoError(f"{what} can't be used ({error.strerror}): name another directory with --data-dir.") from None


class _Demo:
    def __init__(self, settings: Settings, plan: Plan, parts: Parts, log: IO[bytes]) -> None:
        self._settings = settings
        self._plan = plan
        self._parts = parts
        self._log = log
        self._key = settings.data_dir / "simulator.pem"
        self._dashboard = ""

    def start(self) -> None:
        """Start receiver, history, simulator and dashboard, in this order."""
        plan = self._plan
        load_or_make_key(self._key)
        running = self._start_receiver()
        for sender in dict.fromkeys(plan.senders):
            self._play(sender, running)
        self._start_dashboard()
        click.echo(describe(self._settings, plan.senders, plan.seed, self._dashboard, running), err=True)
        if plan.browser:
            webbrowser.open(self._dashboard)

    def _start_receiver(self) -> Running:
        """Start it on the addresses of the settings, or on free ports where these are taken, and say so."""
        settings = self._settings
        self._parts.use(list_variables(settings.model_copy(update=_choose_addresses(settings))))
        self._parts.start("receiver", "receiver", "serve")
        running = self._wait_for("receiver", self._find_running)
        _say_if_other("receiver", settings.listen, running.listen)
        _say_if_other("query service", settings.query_listen, running.query_listen)
        addresses = {"listen": running.listen, "query_listen": running.query_listen}
        self._parts.use(list_variables(settings.model_copy(update=addresses)))
        return running

    def _play(self, sender: str, running: Running) -> None:
        """Make the history of a sender and import it, and start its live notifications."""
        plan, role = self._plan, choose_role(sender, self._settings)
        world = self._make_history(role)
        pace = ("--rate", str(plan.rate)) if plan.rate else ("--a-day", str(role.a_day))
        live = ("--to", f"http://{running.listen}", "--history-days", str(plan.days), "--quiet")
        self._parts.start(role.part, "receiver", "simulate", *live, *world, *pace)

    def _make_history(self, role: Role) -> tuple[str, ...]:
        """Make the history and import it, unless the directory has one; return the options of its world."""
        exists = role.history.exists()
        # History and present are made from one moment, so that both have the same entities.
        moment = datetime.fromtimestamp(role.history.stat().st_mtime if exists else time.time(), UTC)
        world = ("--seed", str(self._plan.seed), "--end", moment.isoformat(), *role.options)
        if not exists:
            days = ("--days", str(self._plan.days), *role.history_options)
            self._run("receiver", "simulate", "--archive", str(role.history), *days, *world)
            self._run("receiver", "import", str(role.history))
        return world

    def watch(self, requests: EndRequests) -> None:
        """Wait until the user has seen enough.

        Raises:
            DemoError: a part ended by itself.
            EndRequestedError: the user has seen enough.
        """
        while True:
            requests.check()
            self._check_parts()
            time.sleep(POLL_SECONDS)

    def _start_dashboard(self) -> None:
        """Start the dashboard on its port, or on another one where that is taken."""
        wanted = f"{_HOST}:{self._plan.port}"
        address = find_free_address(wanted)
        _say_if_other("dashboard", wanted, address)
        self._dashboard = f"http://{address}"
        port = self._dashboard.rpartition(":")[2]
        self._parts.start("dashboard", "analytics", "dashboard", "--port", port, "--no-browser")
        self._wait_for("dashboard", lambda: _answers(f"{self._dashboard}/_stcore/health") or None)

    def _run(self, *command: str) -> None:
        """Run a step to its end, its progress on the terminal."""
        code = self._parts.run(*command)
        self._check_parts()
        if code:
            raise DemoError(f"The step `{command[1]}` of the demonstration failed, as said above.")

    def _wait_for(self, part: str, ask: Callable[[], T | None]) -> T:
        answer = self._parts.wait_until(ask, _START_SECONDS)
        self._check_parts()
        if answer is None:
            raise DemoError(f"The {part} does not start: {self._log.name} says why.")
        return answer

    def _find_running(self) -> Running | None:
        running = find_running_serve(self._settings.data_dir)
        return running if running and _answers(f"http://{running.query_listen}/healthz") else None

    def _check_parts(self) -> None:
        if ended := self._parts.find_ended():
            raise DemoError(f"The {ended.name} ended by itself, with the words: {self._read_last_words() or 'none'}")

    def _read_last_words(self) -> str:
        lines = Path(self._log.name).read_text("utf-8", "replace").strip().splitlines()
        return lines[-1] if lines else ""


def _answers(url: str) -> bool:
    with contextlib.suppress(urllib3.exceptions.HTTPError):
        return urllib3.request("GET", url, retries=False, timeout=1).status == 200  # noqa: PLR2004 - HTTP
    return False
