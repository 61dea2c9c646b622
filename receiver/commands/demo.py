"""`clc-receiver demo`."""

import tempfile
from contextlib import nullcontext
from pathlib import Path

import click

from receiver.demo import Plan, run_demo
from receiver.network.sockets import free_address
from receiver.settings import read_settings


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
            listen=free_address("127.0.0.1:8080"),
            query_listen=free_address("127.0.0.1:8081"),
            signatures="require",
        )
        dashboard_port = int(free_address(f"127.0.0.1:{port}").rpartition(":")[2])
        run_demo(settings, Plan(days, rate, seed, dashboard_port, not no_browser))
