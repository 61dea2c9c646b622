"""Tells within seconds that a listener does not answer while the store does: a thread looks while somebody asks."""

import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from analytics.client.pulse import PAUSE_SECONDS, Lookout, Silence
from analytics.client.without_store import listener_answers, read_serve
from analytics.settings import Settings

LATEST = timedelta(seconds=20)
"""`serve` writes its file each ten seconds at least: an older one tells nothing of now."""
PATIENCE = timedelta(seconds=3)
"""So long a listener may be silent unsaid: one that is busy, or replaced by another, is not missed."""
LOST = "The sender never tries again: what it sends meanwhile may be lost. clc-receiver serve replaces one that hangs."


class ListenerPulse(Lookout):
    """Looks whether the listeners answer.

    A dashboard may run where `CLC_LISTEN` and `CLC_DATA_DIR` say nothing of the receiver. So a listener is missed only
    where it answered before, or where `serve` itself wrote that it does not work.

    Args:
        settings: returns where they are.
    """

    def __init__(self, settings: Callable[[], Settings]) -> None:
        super().__init__("listener pulse")
        self._settings = settings
        self._looks = 0

    def _watch(self) -> None:
        settings = self._settings()
        answered_at: datetime | None = None
        while self._is_wanted():
            asked_at = datetime.now(UTC)
            if listener_answers(settings):
                answered_at, missed_since = asked_at, None
            else:
                missed_since = answered_at
            since = min(filter(None, [missed_since, *not_working(*read_serve(settings))]), default=None)
            is_missed = since is not None and datetime.now(UTC) - since >= PATIENCE
            self._note(Silence(LOST, since) if since and is_missed else None)
            self._looks += 1
            time.sleep(PAUSE_SECONDS)


def not_working(serve: Mapping[str, Any], written_at: datetime | None) -> Iterator[datetime]:
    """Yield since when each listener that does not work has not, by what `serve` wrote lately of its processes."""
    if written_at is None or datetime.now(UTC) - written_at > LATEST or serve.get("state") != "running":
        return
    processes = serve.get("processes")
    for name, process in processes.items() if isinstance(processes, Mapping) else ():
        if not str(name).startswith("listener") or not isinstance(process, Mapping):
            continue
        for what in ("silent_since", "down_since"):
            try:
                yield datetime.fromisoformat(process.get(what) or "").astimezone(UTC)
            except (TypeError, ValueError):
                continue
