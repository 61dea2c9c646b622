"""`clc-receiver demo`: the whole product on made-up data, as one tree of processes that ends with this one."""

import contextlib
import signal
import subprocess
import sys
import tempfile
import time
import webbrowser
from collections.abc import Callable
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import IO, NamedTuple, TypeVar

import click
import urllib3

from receiver.data_directory.access import Running, find_running_serve
from receiver.errors import DemoError
from receiver.files import make_directory
from receiver.network.sockets import find_free_address
from receiver.senders.keys import load_or_make_key
from receiver.settings import Settings, environment, read_settings
from receiver.simulator import MADE_UP

T = TypeVar("T")

_START_SECONDS = 60.0
_STOP_SECONDS = 20.0
_POLL_SECONDS = 0.1
_MOST_DASHBOARD_RESTARTS = 5
_RESTARTS_SECONDS = 600.0


@click.command()
@click.option("--data-dir", type=click.Path(path_type=Path), help="Keep the data here. Default: gone when it ends.")
@click.option("--days", type=click.FloatRange(0.1, 3660), default=30, show_default=True, help="Days of history.")
@click.option("--rate", type=click.FloatRange(0.01), default=3, show_default=True, help="Notifications a second.")
@click.option("--seed", type=int, default=1, show_default=True, help="Which made-up world.")
@click.option("--port", default=8501, show_default=True, help="The dashboard's port; where it is taken, a free one.")
@click.option("--no-browser", is_flag=True, help="Open no browser.")
def demo(data_dir: Path | None, days: float, rate: float, seed: int, port: int, no_browser: bool) -> None:
    """Show the whole product on made-up data: receiver, a month of history, a live sender, the dashboard.

    It has a key and a data directory of its own and touches nothing of yours. Ctrl-C ends all of it.
    """
    kept = nullcontext(str(data_dir)) if data_dir else tempfile.TemporaryDirectory(prefix="clc-demo-")
    with kept as directory:
        own = Path(directory).absolute()
        settings = read_settings(
            data_dir=own,
            spool_dir=own / "spool",
            public_key=own / "simulator.pem.pub",
            listen=find_free_address("127.0.0.1:8080"),
            query_listen=find_free_address("127.0.0.1:8081"),
            signatures="require",
        )
        dashboard_port = int(find_free_address(f"127.0.0.1:{port}").rpartition(":")[2])
        run_demo(settings, Plan(days, rate, seed, dashboard_port, not no_browser))


class Plan(NamedTuple):
    """The content of the demonstration.

    `days` of history with all stories, then `rate` notifications a second, of the world that `seed` makes; the
    dashboard on a port.
    """

    days: float
    rate: float
    seed: int
    dashboard_port: int
    browser: bool


def run_demo(settings: Settings, plan: Plan) -> None:
    """Show the product until SIGINT, SIGTERM or SIGHUP, then end all that was started.

    Args:
        settings: of the receiver; its public key is made where it is missing.
        plan: what to show.

    Raises:
        DemoError: a part did not start, or ended by itself.
    """
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    make_directory(settings.data_dir)
    with (settings.data_dir / "demo.log").open("ab") as log:
        parts = _Demo(settings, log)
        try:
            parts.start(plan)
            parts.watch(plan)
        except KeyboardInterrupt:
            click.echo("\nEnding …", err=True)
        finally:
            parts.end()


class _Demo:
    def __init__(self, settings: Settings, log: IO[bytes]) -> None:
        self._settings = settings
        self._log = log
        self._environment = environment(settings)
        self._key = settings.data_dir / "simulator.pem"
        self._parts: dict[str, subprocess.Popen[bytes]] = {}
        self._dashboard_restarts: list[float] = []

    def start(self, plan: Plan) -> None:
        """Start receiver, history, simulator and dashboard, in this order."""
        self._make_key()
        self._begin("receiver", "receiver", "serve")
        running = self._wait_for("receiver", self._find_running)
        history = self._settings.data_dir / "history.jsonl"
        exists = history.exists()
        # History and present are made from one moment, so that both have the same servers.
        moment = datetime.fromtimestamp(history.stat().st_mtime if exists else time.time(), UTC)
        world = ("--seed", str(plan.seed), "--key", str(self._key), "--end", moment.isoformat())
        if not exists:
            story_options = [word for name in MADE_UP.stories for word in ("--story", name)]
            self._run(
                "receiver", "simulate", "--archive", str(history), "--days", str(plan.days), *story_options, *world
            )
            self._run("receiver", "import", str(history))
        pace = ("--rate", str(plan.rate), "--history-days", str(plan.days), "--quiet")
        self._begin("simulator", "receiver", "simulate", "--to", f"http://{running.listen}", *world, *pace)
        self._begin_dashboard(plan)
        dashboard = f"http://127.0.0.1:{plan.dashboard_port}"
        self._wait_for("dashboard", lambda: _answers(f"{dashboard}/_stcore/health"))
        click.echo(self._what_to_try(running, dashboard, plan.seed + 1), err=True)
        if plan.browser:
            webbrowser.open(dashboard)

    def watch(self, plan: Plan) -> None:
        """Wait until the user has seen enough, and start the dashboard again where it ends by itself.

        Raises:
            DemoError: another part ended by itself, or the dashboard again and again.
        """
        while True:
            if self._parts["dashboard"].poll() is not None and self._may_restart_dashboard():
                click.echo("The dashboard ended by itself and is started again.", err=True)
                self._begin_dashboard(plan)
            self._check_parts()
            time.sleep(_POLL_SECONDS)

    def _begin_dashboard(self, plan: Plan) -> None:
        self._begin("dashboard", "analytics", "dashboard", "--port", str(plan.dashboard_port), "--no-browser")

    def _may_restart_dashboard(self) -> bool:
        now = time.monotonic()
        self._dashboard_restarts = [at for at in self._dashboard_restarts if now - at < _RESTARTS_SECONDS] + [now]
        return len(self._dashboard_restarts) <= _MOST_DASHBOARD_RESTARTS

    def end(self) -> None:
        """End every part, the last started first."""
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)
        for process in reversed(self._parts.values()):
            process.terminate()
            try:
                process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        click.echo("The demonstration has ended, nothing of it is running.", err=True)

    def _make_key(self) -> None:
        load_or_make_key(self._key)

    def _begin(self, name: str, *command: str) -> None:
        # In a session of its own, so that a terminal's Ctrl-C reaches only this process, which ends the parts in order.
        self._parts[name] = subprocess.Popen(  # noqa: S603 - our own commands
            [sys.executable, "-m", *command],
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
            start_new_session=True,
        )

    def _run(self, *command: str) -> None:
        """Run a step to its end, its progress on the terminal."""
        step = subprocess.run([sys.executable, "-m", *command], env=self._environment, check=False)  # noqa: S603
        self._check_parts()
        if step.returncode:
            raise DemoError(f"The step `{command[1]}` of the demonstration failed, as said above.")

    def _wait_for(self, part: str, ask: Callable[[], T | None]) -> T:
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            self._check_parts()
            if answer := ask():
                return answer
            time.sleep(_POLL_SECONDS)
        raise DemoError(f"The {part} does not start: {self._log.name} says why.")

    def _find_running(self) -> Running | None:
        running = find_running_serve(self._settings.data_dir)
        return running if running and _answers(f"http://{running.query_listen}/healthz") else None

    def _check_parts(self) -> None:
        for name, process in self._parts.items():
            if process.poll() is not None:
                lines = Path(self._log.name).read_text("utf-8", "replace").strip().splitlines()
                raise DemoError(f"The {name} ended by itself, with the words: {lines[-1] if lines else 'none'}")

    def _what_to_try(self, running: Running, dashboard: str, seed: int) -> str:
        listen, query = running.listen, running.query_listen
        simulate = f"clc-receiver simulate --to http://{listen} --key {self._key}"
        return f"""
  Dashboard      {dashboard}
  Receiver       http://{listen}/webhooks/EVENT
  Query service  http://{query}/query

Try next, in another terminal:
  send one changed address, and see it arrive in the dashboard
    {simulate} --event Account.Updated --account DEMO
  let an administrator's password be stolen, and see what the audit finds
    {simulate} --story stolen-administrator --seed {seed}
  ask in SQL
    export CLC_DATA_DIR={self._settings.data_dir} CLC_QUERY_LISTEN={query}
    clc-analytics sql "SELECT event_type, count(*) FROM events GROUP BY ALL ORDER BY 2 DESC"

Ctrl-C ends it all."""  # noqa: S608 - SQL for the reader to type


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _answers(url: str) -> bool:
    with contextlib.suppress(urllib3.exceptions.HTTPError):
        return urllib3.request("GET", url, retries=False, timeout=1).status == 200  # noqa: PLR2004 - HTTP
    return False
