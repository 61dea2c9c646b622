"""What the demonstration shows of each sender: its history, its pace, its secret, and what to try."""

import os
import secrets
import shlex
import shutil
import sys
from pathlib import Path
from typing import NamedTuple

from receiver.configuration import read_dot_env
from receiver.data_directory.access import Running
from receiver.files import make_directory, write_whole
from receiver.senders import CENTURYLINK
from receiver.senders.set_up import name_variable
from receiver.settings import Settings
from receiver.simulator import made_up
from receiver.simulator.signed_examples import A_DAY as A_DAY_OF_ORGANIZATION

A_DAY = 1000.0
"""The notifications of a usual day: about one a minute by day, enough to see life, too few to bury a story."""
_SECRET_BYTES = 32
_OF_USER = {
    *("CLC_LISTEN", "CLC_QUERY_LISTEN", "CLC_QUERY_TOKEN", "CLC_URL_SECRET"),
    *("CLC_DASHBOARD_HOSTS", "CLC_LOG_FORMAT", "CLC_TIME_ZONE", "CLC_WORKING_HOURS"),
}
"""The user's settings that hold for the demonstration, too: how to reach it (the printed commands read these), and how
times and logs are written. All others lead to data, secrets or machines of the user's."""
_QUERY = "SELECT event_type, count(*) FROM events GROUP BY ALL ORDER BY 2 DESC"


def leave_settings() -> None:
    """Leave in the environment only those settings of the user's that hold for the demonstration, too.

    Raises:
        SettingsError: `.env` can't be read.
    """
    given = {name.upper(): value for name, value in {**read_dot_env(".env"), **os.environ}.items() if value}
    for name in [name for name in os.environ if name.upper().startswith("CLC_")]:
        del os.environ[name]
    os.environ.update({name: given[name] for name in _OF_USER & given.keys()})


class Role(NamedTuple):
    """A sender in the demonstration: the archive of its history, and how it is played.

    Args:
        part: the name of the process that plays it live; each has its own.
        history: the archive.
        a_day: the notifications of a usual day.
        options: those of `simulate`, in the past and live.
        history_options: those of the past alone.
    """

    part: str
    history: Path
    a_day: float
    options: tuple[str, ...]
    history_options: tuple[str, ...]


def choose_role(sender: str, settings: Settings) -> Role:
    """Return how a sender is played."""
    if sender != CENTURYLINK.name:
        history = settings.data_dir / f"history-{sender}.jsonl"
        return Role(f"simulator of {sender}", history, A_DAY_OF_ORGANIZATION, ("--sender", sender), ())
    stories = [word for name in made_up.STORIES for word in ("--story", name)]
    key = ("--key", str(_find_key_path(settings)))
    return Role("simulator", settings.data_dir / "history.jsonl", A_DAY, key, ("--a-day", str(A_DAY), *stories))


def make_secrets(settings: Settings, senders: tuple[str, ...]) -> None:
    """Make a secret for each sender with a profile that has none yet, where CLC_SECRETS_DIR says."""
    directory = settings.secrets_dir
    if directory is None:
        return
    make_directory(directory)
    for sender in senders:
        if sender != CENTURYLINK.name and not (path := directory / sender).exists():
            write_whole(path, secrets.token_hex(_SECRET_BYTES) + "\n")


def describe(settings: Settings, senders: tuple[str, ...], seed: int, dashboard: str, running: Running) -> str:
    """Return the addresses, and commands to try."""
    listen, query = running.listen, running.query_listen
    others = [sender for sender in senders if sender != CENTURYLINK.name]
    routes = [f"http://{listen}/senders/{sender}" for sender in others]
    if CENTURYLINK.name in senders:
        routes.insert(0, f"http://{listen}/webhooks/EVENT")
    tries = [*_try_centurylink(settings, seed, listen)] if CENTURYLINK.name in senders else []
    tries += [line for sender in others for line in _try_other(settings, sender, listen)]
    data_dir = shlex.quote(str(settings.data_dir))
    lines = [
        "",
        f"  Dashboard      {dashboard}",
        *(f"  Receiver       {route}" for route in routes),
        f"  Query service  http://{query}/query",
        "",
        "Try next, in another terminal of this directory:",
        *tries,
        "  ask in SQL",
        f"    export CLC_DATA_DIR={data_dir} CLC_LISTEN={listen} CLC_QUERY_LISTEN={query}",
        f'    {as_typed("clc-analytics")} sql "{_QUERY}"',
        "  check that nothing is lost, doubled or altered",
        f"    {as_typed('clc-receiver')} verify --data-dir {data_dir} --secrets-dir {data_dir}/secrets",
        "",
        "Press Ctrl-C to stop the demo.",
    ]
    return "\n".join(lines)


def _try_centurylink(settings: Settings, seed: int, listen: str) -> tuple[str, ...]:
    key = shlex.quote(str(_find_key_path(settings)))
    simulate = f"{as_typed('clc-receiver')} simulate --to http://{listen} --key {key}"
    return (
        "  send one changed address, and see it arrive in the dashboard",
        f"    {simulate} --event Account.Updated --account DEMO",
        "  let an administrator's password be stolen (in about a minute and a half), and see what the audit finds",
        f"    {simulate} --story stolen-administrator --seed {seed + 1}",
    )


def _try_other(settings: Settings, sender: str, listen: str) -> tuple[str, ...]:
    # An empty variable goes before one in the user's `.env`, whose secret the demonstration does not know.
    secret = f"{name_variable(sender)}= CLC_SECRETS_DIR={shlex.quote(str(settings.secrets_dir))}"
    simulate = f"{as_typed('clc-receiver')} simulate --sender {sender} --to http://{listen}"
    return (
        "  send the examples of the sender's profile, and see them arrive in the dashboard",
        f"    {secret} {simulate}",
    )


def _find_key_path(settings: Settings) -> Path:
    return settings.data_dir / "simulator.pem"


def as_typed(program: str) -> str:
    """Return a program of this installation as one types it here: its name where the shell finds it, else its path."""
    own = Path(sys.executable).with_name(program)
    found = shutil.which(program)
    if found and Path(found).parent == own.parent:
        return program
    return shlex.quote(str(own.relative_to(Path.cwd()) if own.is_relative_to(Path.cwd()) else own))
