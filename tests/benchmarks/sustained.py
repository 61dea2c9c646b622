"""How far the store is behind the listener while notifications come for minutes and readers query."""

import os
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

from tests.benchmarks.accept import NO_COPIES, empty, pause_for, post, simulated, written
from tests.benchmarks.alongside import reader
from tests.benchmarks.asking import client_of
from tests.benchmarks.report import Figure, part
from tests.support.processes import Receiver, running

AIMED = 1_700  # a second; a pause follows each answer, so some 1,500 come
READERS = 4
POSTS = 20_000
SECONDS = int(os.environ.get("SUSTAINED_SECONDS", "360"))
NEWEST = "SELECT epoch_us(max(received_at)) / 1e6 AS received_at FROM notifications"
PAUSE_SECONDS = 0.2


def sustained(directory: Path) -> list[Figure]:
    """Post 1,500/s for six minutes (`SUSTAINED_SECONDS`) beside four readers, and ask for the newest all the time."""
    with ExitStack() as opened:
        place = opened.enter_context(empty(directory / "sustained"))
        posts = written(place / "posts", simulated(POSTS, time.time()))
        receiver = opened.enter_context(running(Receiver, place / "store", **NO_COPIES))
        for _ in range(READERS):
            opened.enter_context(reader(receiver))
        client, pool = opened.enter_context(client_of(receiver)), opened.enter_context(ThreadPoolExecutor(1))
        began = time.time()
        sender = pool.submit(post, receiver.url, posts, pause_for(AIMED), SECONDS)
        lags = []
        while not sender.done():
            newest = client.df(NEWEST)["received_at"].fillna(0).iloc[0]
            lags.append(time.time() - max(began, float(newest)))
            time.sleep(PAUSE_SECONDS)
        answered = sender.result()
    remark = f"median {part(lags, 0.5):.2f}, of {len(lags):,} looks; {answered.failed:,} failed"
    what = f"longest lag at {answered.rate:,.0f}/s for {SECONDS} s with {READERS} readers"
    return [Figure(what, max(lags[:-1]), "s", "≤ 5", remark)]
