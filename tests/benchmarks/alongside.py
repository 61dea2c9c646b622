"""Accepting while the store appends and is read, how soon a notification is seen, and two listeners instead of one."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

from tests.benchmarks.accept import (
    LOADED,
    NO_COPIES,
    POSTS,
    Answered,
    empty,
    failures,
    median,
    pause_for,
    peer,
    post,
    ratio,
    rounds,
    simulated,
    written,
)
from tests.benchmarks.asking import client_of
from tests.benchmarks.report import Figure, part
from tests.support.processes import Receiver, running, stopped

FRESH_RATE, FRESH_SECONDS = 1_000, 20
COUNTED = "SELECT event_type, account_alias, count(*) FROM events GROUP BY ALL ORDER BY count(*) DESC LIMIT 50"
NEWER = "SELECT seq, epoch_us(received_at) / 1e6 AS received_at FROM notifications WHERE seq > ? ORDER BY seq"


def alongside(directory: Path) -> list[Figure]:
    """Measure all of it on stores that begin empty."""
    with empty(directory / "alongside") as place:
        posts = written(place / "posts", simulated(POSTS))
        figures = while_read(place, posts)
        # The same ones again would be late to their entities, which costs the store more than what comes in order.
        fresh = written(place / "fresh-posts", simulated(FRESH_RATE * FRESH_SECONDS, time.time()))
        figures.append(freshness(place / "fresh", fresh))
        figures.append(two_listeners(place, posts))
    return figures


def while_read(place: Path, posts: Path) -> list[Figure]:
    """Post at 70 % of what is taken beside store and reader, and at the same rate to a handler that only answers."""
    with (
        running(Receiver, place / "read", **NO_COPIES) as receiver,
        reader(receiver),
        peer("bare_tornado", place / "bare") as bare,
    ):
        (most,) = rounds("At full speed, beside all", {"receiver": receiver.url}, lambda url: post(url, posts)).values()
        rate = LOADED * median(most, "rate")
        urls = {"receiver": receiver.url, "bare": bare}
        paced = rounds(f"At {rate:,.0f}/s", urls, lambda url: post(url, posts, pause_for(rate)))
    told = f"{median(paced['receiver'], 'p99'):.1f} ms beside {median(paced['bare'], 'p99'):.1f} at {rate:,.0f}/s"
    slower = ratio(paced["receiver"], paced["bare"], "p99")
    return [
        Figure("accept while the store appends and a reader queries", median(most, "rate"), "/s", "", failures(most)),
        Figure("the listener's p99 during this ÷ bare Tornado's p99 at the same rate", *slower, "≤ 3", told),
    ]


@contextmanager
def reader(receiver: Receiver) -> Iterator[None]:
    """Count by type and account again and again, for the length of a block."""
    done = threading.Event()

    def read() -> None:
        with client_of(receiver) as client:
            while not done.wait(0.2):
                client.df(COUNTED)

    thread = threading.Thread(target=read)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


class Watched(NamedTuple):
    """What a sender and a reader saw, in seconds: from receipt to visible, and how long each question took."""

    answered: Answered
    visible: list[float]
    asked: list[float]


def watch(receiver: Receiver, posts: Path, rate: float, seconds: int) -> Watched:
    """Post for some seconds, and ask for what is newer all the time."""
    visible, asked = [], []
    with client_of(receiver) as client, ThreadPoolExecutor(1) as pool:
        last = int(client.df("SELECT coalesce(max(seq), 0) AS seq FROM notifications")["seq"].iloc[0])
        sender = pool.submit(post, receiver.url, posts, pause_for(rate), seconds)
        while not sender.done():
            began = time.perf_counter()
            newer = client.df(NEWER, [last])
            asked.append(time.perf_counter() - began)
            if len(newer):
                last = int(newer["seq"].iloc[-1])
                visible += list(time.time() - newer["received_at"])
    return Watched(sender.result(), visible, asked)


def freshness(data_dir: Path, posts: Path) -> Figure:
    """Say after how long a notification was seen."""
    with running(Receiver, data_dir, **NO_COPIES) as receiver:
        seen = watch(receiver, posts, FRESH_RATE, FRESH_SECONDS)
    remark = f"median {part(seen.visible, 0.5) * 1000:,.0f}, of {len(seen.visible):,} at {seen.answered.rate:,.0f}/s"
    return Figure("from receipt to visible in SQL, p99", part(seen.visible, 0.99) * 1000, "ms", "≤ 250", remark)


def two_listeners(place: Path, posts: Path) -> Figure:
    """Post to a receiver with one listener and to one with two, in turn, while their stores stand still."""
    with ExitStack() as opened:
        urls = {}
        for count in ("1", "2"):
            # Or `serve` would replace the stores.
            settings = {"CLC_LISTENERS": count, "CLC_HANG_SECONDS": "3600"}
            receiver = opened.enter_context(running(Receiver, place / f"listeners-{count}", **settings))
            opened.enter_context(stopped(receiver.children()["store"]))
            urls[count] = receiver.url
        found = rounds("Two listeners and one", urls, lambda url: post(url, posts))
    remark = f"{median(found['2'], 'rate'):,.0f}/s beside {median(found['1'], 'rate'):,.0f}; wrk has the same two cores"
    return Figure(
        "the rate of two listeners ÷ the rate of one", *ratio(found["2"], found["1"], "rate"), "≥ 1.6", remark
    )
