"""Remembers for a day when a process of `serve` did not answer, so that a silence that has ended is still seen."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from receiver.processes.state import EndedSilence, ProcessState, ServeState

_SHORTEST = timedelta(seconds=2)
"""A shorter silence is a restart that nobody notices."""
_KEPT = timedelta(days=1)
_MOST = 100

WENT_ON = "It stood still, and went on by itself."
RESTARTED = "It was started again."


class SilenceLog:
    """The silences of the last day.

    Args:
        ended: those that are known already.
    """

    def __init__(self, ended: Iterable[EndedSilence]) -> None:
        self._ended = list(ended)
        self._begun: dict[str, str] = {}
        self._has_run: set[str] = set()

    def note(self, processes: Mapping[str, ProcessState], now: datetime) -> None:
        """Look at the processes: one that works again has ended its silence. A first start is no silence."""
        for name, process in processes.items():
            since = process.down_since or process.silent_since
            if since and name in self._has_run:
                self._begun.setdefault(name, since)
            elif process.state == "running" and not since:
                self._has_run.add(name)
                if begun := self._begun.pop(name, None):
                    self.add(
                        EndedSilence(process=name, since=begun, until=now.isoformat(), why=_explain(process, begun))
                    )

    def add(self, silence: EndedSilence) -> None:
        """Add a silence, unless it is too short to matter."""
        if datetime.fromisoformat(silence.until) - datetime.fromisoformat(silence.since) >= _SHORTEST:
            self._ended.append(silence)

    def list_recent(self, now: datetime) -> list[EndedSilence]:
        """Return those that ended in the last day, oldest first."""
        self._ended = [each for each in self._ended if now - datetime.fromisoformat(each.until) < _KEPT][-_MOST:]
        return self._ended


def recall(before: ServeState | None, now: datetime, *, upgraded: bool) -> SilenceLog:
    """Return the silences that the last `serve` knew, and its own, if it ended without being stopped."""
    log = SilenceLog(before.silences if before else ())
    if before and not upgraded and before.state == "running" and before.written_at:
        why = "It ended without being stopped, and was started again."
        log.add(EndedSilence(process="serve", since=before.written_at, until=now.isoformat(), why=why))
    return log


def _explain(process: ProcessState, begun: str) -> str:
    """Say why a process was silent since then."""
    if not process.last_exit_at or process.last_exit_at < begun:
        return WENT_ON
    return f"{process.failure or f'It ended with code {process.last_exit}.'} {RESTARTED}"
