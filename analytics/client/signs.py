"""Asks the listener how it is, reads the file of `serve`, and finds since when something fails.

The listener and the file of `serve` are of use on the receiver's machine only; `CLC_LISTEN` and `CLC_DATA_DIR` locate
them.
"""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import urllib3
from urllib3.exceptions import HTTPError, ProtocolError

from analytics.settings import Settings, as_url

LATEST = timedelta(seconds=20)
"""`serve` writes its file at least every ten seconds; an older file says nothing about now."""
LISTENER_SECONDS = 1.5
_LARGEST = 64 * 1024
"""The bytes of an answer that are read; a listener's has some hundred."""
SERVE_FILE = "serve.json"


def find_store_failure(settings: Settings) -> datetime | None:
    """Return the begin of the store's failure; None where `serve` did not write of one lately."""
    return min(find_failures(*read_serve(settings), of="store"), default=None)


def find_failures(serve: Mapping[str, Any], written_at: datetime | None, *, of: str = "listener") -> Iterator[datetime]:
    """Yield the begin of each failure of the listeners, or of the processes `of` a name, that `serve` wrote lately."""
    if written_at is None or datetime.now(UTC) - written_at > LATEST or serve.get("state") != "running":
        return
    processes = serve.get("processes")
    for name, process in processes.items() if isinstance(processes, Mapping) else ():
        if not str(name).startswith(of) or not isinstance(process, Mapping):
            continue
        for what in ("silent_since", "down_since"):
            try:
                yield datetime.fromisoformat(process.get(what) or "").astimezone(UTC)
            except (TypeError, ValueError):
                continue


class Sign(NamedTuple):
    """One known fact: its subject, its text, and its state (`ok`, `amber` or `red`)."""

    about: str
    text: str
    state: str


class Signs(NamedTuple):
    """All known facts, the processes that `serve` wrote last, and the time when it did."""

    signs: list[Sign]
    processes: list[dict[str, Any]]
    written_at: datetime | None


def find_signs(settings: Settings) -> Signs:
    """Ask the listener and read the file of `serve`; both may be missing."""
    serve, written_at = read_serve(settings)
    processes = serve.get("processes")
    named = processes.items() if isinstance(processes, Mapping) else ()
    return Signs(
        ask_listener(settings),
        [{**process, "name": name} for name, process in named if isinstance(process, Mapping)],
        written_at,
    )


def ask_listener(settings: Settings) -> list[Sign]:
    """Ask the listener's `GET /readyz` whether it takes notifications, and for the store's state."""
    url = as_url(settings.listen)
    try:
        state = json.loads(get(f"{url}/readyz"))
        spool, store = state["spool"], state.get("store_process", state["store"])
    except ProtocolError:
        return [Sign("Listener", f"takes connections at {url} (by CLC_LISTEN), but not of plain HTTP", "amber")]
    except HTTPError:
        lost = "does not answer, and the sender never tries again: what is sent now may be lost"
        return [Sign("Listener", f"{lost} (asked at {url}, by CLC_LISTEN)", "red")]
    except (ValueError, KeyError, TypeError):
        return [Sign("Listener", f"what answers at {url} (by CLC_LISTEN) is no listener", "amber")]
    takes = "takes notifications and keeps them in the spool" if spool == "ok" else f"its spool is {spool}"
    return [Sign("Listener", takes, "ok" if spool == "ok" else "red"), *list_signs_of_store(store)]


def get(url: str) -> bytes:
    """Return a listener's answer at a URL, over a connection of its own."""
    timeout = urllib3.Timeout(total=LISTENER_SECONDS)
    with urllib3.PoolManager(num_pools=1, retries=False) as pool:
        return pool.request("GET", url, redirect=False, preload_content=False, timeout=timeout).read(_LARGEST)


def listener_answers(settings: Settings) -> bool:
    """Say whether a listener at `CLC_LISTEN` answers `GET /healthz`, in whatever way."""
    try:
        get(f"{as_url(settings.listen)}/healthz")
    except ProtocolError:
        return True  # it may take TLS alone
    except HTTPError:
        return False
    return True


def list_signs_of_store(store: Any) -> list[Sign]:
    """Return the listener's facts about the store: a state, or an object with `state` and more."""
    if not isinstance(store, Mapping):
        return [Sign("Store, says the listener", str(store), "red" if store != "ok" else "ok")]
    state = str(store.get("state"))
    words = {"since": "not answering since", "last_beat": "last seen at work", "detail": "", "busy_with": "busy with"}
    more = [f"{word} {store[name]}".strip() for name, word in words.items() if store.get(name)]
    return [Sign("Store, says the listener", ", ".join([state, *more]), "red" if state != "ok" else "ok")]


def read_serve(settings: Settings) -> tuple[dict[str, Any], datetime | None]:
    """Return the last content of `serve`'s file, and its time; nothing where there is no such file here."""
    path = settings.data_dir / SERVE_FILE
    try:
        content = json.loads(path.read_bytes())
        return (content, datetime.fromtimestamp(path.stat().st_mtime, UTC)) if isinstance(content, dict) else ({}, None)
    except (OSError, ValueError):
        return {}, None
