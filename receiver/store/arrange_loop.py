"""Puts rows side by side and counts them in a thread of its own, which gives way to all others."""

import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path

import duckdb

from receiver.database.faults import NEEDS_NEW_PROCESS, OUT_OF_MEMORY
from receiver.logs import describe
from receiver.store.arranging import Arranger, Counter

_LOOK_SECONDS = 5.0
_RETRY_SECONDS, _LONGEST_SECONDS = 60.0, 3600.0
_MOST_ENDS = 3
_LEAST_PRIORITY = 19

_log = logging.getLogger(__name__)


def come_last() -> None:
    """Give all other threads of the machine priority over this one; only Linux has priorities of threads."""
    if sys.platform == "linux":
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _LEAST_PRIORITY)


class ArrangeLoop:
    """Runs the arranger and the counter in a thread of their own until it is stopped.

    Args:
        arranger: puts rows side by side.
        counter: counts rows. It comes first, because counting takes less time.
        data_dir: where a note lies meanwhile, so that a step that ends the process is not tried at every start.
        turn: opens a block, and tells whether rows may be arranged in it.
        on_fatal: called when only a new process can go on.
    """

    def __init__(
        self,
        arranger: Arranger,
        counter: Counter,
        data_dir: Path,
        turn: Callable[[], AbstractContextManager[bool]],
        on_fatal: Callable[[], None],
    ) -> None:
        self._arranger = arranger
        self._counter = counter
        self._note = data_dir / "arranging"
        self._turn = turn
        self._on_fatal = on_fatal
        self.failure: str | None = None
        """Why it has ended by itself, until the next start of the store."""
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="arranger", daemon=True)

    def start(self) -> None:
        """Begin to arrange."""
        self._thread.start()

    def stop(self) -> None:
        """End, and undo an unfinished step."""
        self._stopping.set()
        while self._thread.is_alive():
            self._arranger.interrupt()  # an interrupt between two statements is lost
            self._counter.interrupt()
            self._thread.join(0.05)

    def _run(self) -> None:
        come_last()
        if self._count_noted() >= _MOST_ENDS:
            self._give_up(
                f"it ended several processes, so not until {self._note} is deleted and the store begins again"
            )
            return
        seconds = _LOOK_SECONDS
        while not self._stopping.wait(seconds):
            try:
                seconds = self._step()
            except duckdb.InterruptException:
                continue
            except NEEDS_NEW_PROCESS:
                _log.exception("rows can't be put side by side in this process")
                self._on_fatal()
                return
            except (duckdb.TransactionException, duckdb.IOException, *OUT_OF_MEMORY, OSError) as error:
                seconds = min(max(_RETRY_SECONDS, 2 * seconds), _LONGEST_SECONDS)
                _log.warning("rows are not put side by side yet, again in %.0f s: %s", seconds, describe(error))
            except Exception as error:  # noqa: BLE001 - what is only for speed must not end anything else
                what = f"{describe(error)}; `clc-receiver verify` names rows that can't be read"
                self._give_up(f"not until the next start: {what}")
                return

    def _give_up(self, why: str) -> None:
        self.failure = why
        _log.error("rows are not put side by side: %s", why)

    def _step(self) -> float:
        """Work on the next part, and return the seconds until the next look: a store of years takes half a core."""
        with self._turn() as may:
            began = time.monotonic()
            work = (self._counter.find_work() or self._arranger.find_work()) if may else None
            if work is None or not self._arranger.gives_way.may_begin():
                return _LOOK_SECONDS
            with self._note_process():
                work()
            return time.monotonic() - began

    @contextmanager
    def _note_process(self) -> Iterator[None]:
        """Count on the disk the processes that ended in this block, one after the other."""
        self._note.write_text(f"{self._count_noted() + 1}", "utf-8")
        try:
            yield
        except NEEDS_NEW_PROCESS:
            raise
        except BaseException:
            self._note.unlink(missing_ok=True)
            raise
        self._note.unlink(missing_ok=True)

    def _count_noted(self) -> int:
        try:
            return int(self._note.read_text("utf-8"))
        except (OSError, ValueError):
            return 0
