"""A listener with limits that tests can wait for, and what tests send to it."""

import json
import re
from functools import partial
from pathlib import Path

from tests.durability.support.load import BODIES
from tests.support.keys import signed
from tests.support.processes import ListenerProcess

MIB = 1024 * 1024
USER = BODIES[0]
SIGNATURE = signed(USER)["Tier3-RsaSha1"].encode()
HEAD = b"POST /webhooks/User.Updated HTTP/1.1\r\nHost: x\r\nTier3-RsaSha1: " + SIGNATURE + b"\r\n"
GOOD = HEAD + b"Content-Length: %d\r\n\r\n" % len(USER) + USER
SECONDS = {"idle_seconds": 3, "header_seconds": 1, "body_seconds": 2}


class Hurried(ListenerProcess):
    """A listener with limits that tests can wait for."""

    module = "tests.durability.http.hurried_listener"

    def __init__(self, data_dir, limits=None, prefix=(), **settings):
        self.prefix = prefix
        root = str(Path(__file__).parents[3])
        super().__init__(data_dir, HURRIED=json.dumps(SECONDS | (limits or {})), PYTHONPATH=root, **settings)


def hurried(prefix=(), **limits):
    return partial(Hurried, limits=limits, prefix=prefix)


def refusal(answer):
    return answer[0], json.loads(answer[1])["error"]


def closed_for(listener, reason):
    """Read how many connections were closed for a reason."""
    found = re.search(rf'closed_total{{reason="{reason}"}} (\S+)', listener.sender.get("/metrics").data.decode())
    return float(found[1]) if found else 0.0
