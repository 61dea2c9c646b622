"""Whether the spool takes writes, and whether the store answers."""

import json
from http import HTTPStatus
from pathlib import Path

from tornado.httpclient import AsyncHTTPClient, HTTPError

from receiver.listener.exchange import Answer
from receiver.supervision.state import read_state

_SECONDS = 1.0


async def store_state(query_address: str, data_dir: Path) -> str:
    """Ask the query service whether it is up; it has a second to answer.

    Returns:
        `ok`, `unavailable`, or `failed` where the supervisor says that no restart helps.
    """
    try:
        await AsyncHTTPClient().fetch(f"http://{query_address}/healthz", request_timeout=_SECONDS)
    except (HTTPError, OSError):
        known = read_state(data_dir)
        store = known.processes.get("store") if known else None
        return "failed" if store and store.state == "failed" else "unavailable"
    return "ok"


def readiness(*, spool: bool, store: str) -> Answer:
    """Answer `/readyz`: 200 while the spool takes writes, whatever the store does, and both in the body.

    A store that is down loses nothing, so no proxy should stop sending for its sake.
    """
    body = {"spool": "ok" if spool else "unavailable", "store": store}
    status = HTTPStatus.OK if spool else HTTPStatus.SERVICE_UNAVAILABLE
    return Answer(status, "application/json", json.dumps(body).encode())
