"""How benchmarks ask a store."""

import os
import statistics
import time
from collections.abc import Callable
from typing import Any

from analytics import connect
from analytics.client.client import Client
from tests.support.processes import Receiver

RUNS = 5


def client_of(receiver: Receiver) -> Client:
    """Connect to a receiver's store, as a notebook does."""
    os.environ["CLC_QUERY_TOKEN"] = receiver.token
    return connect(receiver.query_url)


def median_seconds(ask: Callable[[], Any]) -> tuple[float, Any]:
    """Ask some times, and return the median of the seconds and the last answer."""
    seconds = []
    for _ in range(RUNS):
        began = time.perf_counter()
        answer = ask()
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds), answer
