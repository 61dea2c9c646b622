"""Accepting notifications: how many a second, and how soon, beside what its users might write instead."""

import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from itertools import cycle, islice
from pathlib import Path
from typing import NamedTuple

import click

from receiver.network.sockets import find_free_address
from receiver.senders.profile import load_shipped
from receiver.senders.request import SignedRequest
from receiver.simulator.history import NOTIFICATIONS_A_DAY, Outgoing, Simulation
from tests.benchmarks.data import END, SEED
from tests.benchmarks.report import Figure
from tests.support.keys import signed
from tests.support.processes import ListenerProcess, Process, environment, running
from tests.support.waiting import until

ROUNDS = 5
SECONDS = 5
CONNECTIONS = 32
POSTS = 2_000
LOADED = 0.7
# The same notifications come again and again: as copies they would spare the store most of its work.
NO_COPIES = {"CLC_DUPLICATE_WINDOW_SECONDS": "0"}
PEERS = {
    "bare Tornado": "bare_tornado",
    "FastAPI + aiosqlite": "fastapi_sqlite",
    "FastAPI with the same work": "fastapi_same_work",
    "Granian with the same work": "granian_same_work",
    "Tornado + DuckDB": "tornado_duckdb",
}

BY_TORNADO = "itself with CLC_PARSER=tornado"
GITHUB = "GitHub's, of the same lengths,"
SECRET = "a secret for benchmarks alone"
GOALS = {"bare Tornado": "≥ 1.6", "FastAPI with the same work": "≥ 2.5", "Granian with the same work": "≥ 1.0"}


class Answered(NamedTuple):
    """What wrk counted: notifications answered a second, those that failed, and in how many ms 99 % and all were."""

    rate: float
    failed: int
    p99: float
    longest: float


def accept(directory: Path) -> list[Figure]:
    """Post the same notifications to the listener and to each peer in turn, some rounds of each."""
    with ExitStack() as opened:
        place = opened.enter_context(empty(directory / "accept"))
        notifications = simulated(POSTS)
        posts = written(place / "posts", notifications)
        of_github = written_of_github(place / "github", notifications)
        own = running(ListenerProcess, place / "listener", CLC_SECRET_GITHUB=SECRET)
        urls = {"listener": opened.enter_context(own).url}
        by_tornado = running(ListenerProcess, place / "by-tornado", CLC_PARSER="tornado")
        urls[BY_TORNADO] = opened.enter_context(by_tornado).url
        urls |= {name: opened.enter_context(peer(module, place / module)) for name, module in PEERS.items()}
        # The same listener under another URL, so that it has a turn of its own.
        urls[GITHUB] = urls["listener"] + "/"
        most = rounds(
            "At full speed", urls, lambda url: post(url.rstrip("/"), of_github if url == urls[GITHUB] else posts)
        )
        rates = {urls[name]: LOADED * median(most[name], "rate") for name in ("listener", "bare Tornado")}
        two = {name: urls[name] for name in ("listener", "bare Tornado")}
        paced = rounds("At 70 % of that", two, lambda url: post(url, posts, pause_for(rates[url])))
    figures = [Figure("accept, one listener", median(most["listener"], "rate"), "/s", "", failures(most["listener"]))]
    figures += [
        Figure(
            f"accept ÷ {name}", *ratio(most["listener"], most[name], "rate"), GOALS.get(name, ""), beside(most[name])
        )
        for name in (BY_TORNADO, *PEERS)
    ]
    of_github_rate = ratio(most[GITHUB], most["listener"], "rate")
    figures.append(Figure(f"accept {GITHUB} ÷ CenturyLink's", *of_github_rate, "≥ 0.9", beside(most[GITHUB])))
    slower = ratio(paced["listener"], paced["bare Tornado"], "p99")
    told = " beside ".join(f"{median(paced[name], 'p99'):.1f} ms at {rates[url]:,.0f}/s" for name, url in two.items())
    return [
        *figures,
        Figure("the listener's p99 ÷ bare Tornado's p99, each at 70 % of its highest rate", *slower, "≤ 1", told),
    ]


def rounds(label: str, urls: dict[str, str], measure: Callable[[str], Answered]) -> dict[str, list[Answered]]:
    """Measure all in turn, again and again, after one round that does not count."""
    found: dict[str, list[Answered]] = {name: [] for name in urls}
    with click.progressbar(range(ROUNDS + 1), label=label, file=sys.stderr) as bar:
        for turn in bar:
            for name, url in urls.items():
                answered = measure(url)
                if turn:
                    found[name].append(answered)
    return found


def median(answered: list[Answered], what: str) -> float:
    """Return the median of one of the values."""
    return statistics.median(getattr(one, what) for one in answered)


def ratio(ours: list[Answered], theirs: list[Answered], what: str) -> tuple[float, str]:
    """Return the median of the rounds' ratios of one of the values, and its unit: none."""
    pairs = zip(ours, theirs, strict=True)
    return statistics.median(getattr(one, what) / getattr(other, what) for one, other in pairs), ""


def beside(answered: list[Answered]) -> str:
    """Say how many a peer answers."""
    return f"it answers {median(answered, 'rate'):,.0f}/s; {failures(answered)}"


def failures(answered: list[Answered]) -> str:
    """Say how much rounds differ, and how many notifications were not answered with 200."""
    rates = [one.rate for one in answered]
    return f"{min(rates):,.0f} to {max(rates):,.0f} in {ROUNDS} rounds, {sum(one.failed for one in answered):,} failed"


@contextmanager
def empty(place: Path) -> Iterator[Path]:
    """Give an empty directory for the length of a block."""
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    try:
        yield place
    finally:
        shutil.rmtree(place)


def simulated(count: int, until: float = END) -> list[Outgoing]:
    """Return so many simulated notifications, the last at a moment in seconds since 1970."""
    return list(islice(Simulation(SEED).make_history(count / NOTIFICATIONS_A_DAY, until, count), count))


def written(file: Path, notifications: list[Outgoing]) -> Path:
    """Write notifications, each with its signature, as `post.lua` reads them."""
    with file.open("wb") as lines, click.progressbar(notifications, label="Signing", file=sys.stderr) as several:
        for sent in several:
            lines.write(line_of(f"/webhooks/{sent.event_type}", signed(sent.body), sent.body))
    return file


def written_of_github(file: Path, notifications: list[Outgoing]) -> Path:
    """Write as many notifications of GitHub, each of the length of one of these, as `post.lua` reads them."""
    profile = load_shipped()["github"]
    secret = profile.scheme.load_signing_secret(SECRET)
    examples = [example for example in profile.examples if example.row and example.file.suffix == ".json"]
    with file.open("wb") as lines:
        for number, (sent, example) in enumerate(zip(notifications, cycle(examples), strict=False)):
            body = json.loads(example.file.read_bytes())
            body["padding"] = "x" * max(0, len(sent.body) - len(json.dumps(body)) - len(', "padding": ""'))
            posted = json.dumps(body).encode()
            request = SignedRequest("POST", "", example.headers, posted)
            headers = profile.scheme.sign(request, secret, datetime.now(UTC), f"delivery-{number}")
            lines.write(line_of("/senders/github", {**example.headers, **lower(headers)}, posted))
    return file


def lower(headers: Mapping[str, str]) -> dict[str, str]:
    """Return headers with names in lower case."""
    return {name.lower(): value for name, value in headers.items()}


def line_of(path: str, headers: Mapping[str, str], body: bytes) -> bytes:
    """Return a line for `post.lua`."""
    listed = "\x1f".join(f"{name}: {value}" for name, value in headers.items())
    return b"\t".join([path.encode(), listed.encode(), body]) + b"\n"


@contextmanager
def peer(module: str, place: Path) -> Iterator[str]:
    """Run one of the peers in a directory of its own, and give its URL."""
    place.mkdir()
    address = find_free_address("127.0.0.1:0")
    root = Path(__file__).parents[2]
    command = [sys.executable, "-m", f"tests.benchmarks.peers.{module}", address.rpartition(":")[2]]
    with Process(command, environment(place) | {"PYTHONPATH": str(root)}, cwd=place) as process:
        until(lambda: listens(address) or process.ended(), what=module)
        yield f"http://{address}"


def listens(address: str) -> bool:
    """Tell whether a program takes connections."""
    host, _, port = address.rpartition(":")
    with suppress(OSError), socket.create_connection((host, int(port))):
        return True
    return False


def pause_for(rate: float) -> float:
    """Return after how many milliseconds each connection must post for so many notifications a second."""
    return CONNECTIONS / rate * 1000


def post(url: str, posts: Path, pause_ms: float = 0, seconds: int = SECONDS) -> Answered:
    """Let wrk post for some seconds over open connections, each after a pause of so many milliseconds on average."""
    script = Path(__file__).with_name("post.lua")
    length = ["--threads", "1", "--connections", str(CONNECTIONS), "--duration", f"{seconds}s"]
    told = subprocess.run(
        ["wrk", *length, "--script", str(script), url],
        env=os.environ | {"POSTS": str(posts), "PAUSE_MS": str(pause_ms)}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    found = json.loads(told.stdout.splitlines()[-1])
    return Answered(found["answered"] / found["seconds"], found["failed"], found["p99_ms"], found["max_ms"])
