"""`serve.json` in the data directory: the state of `serve` and its processes, their restarts, and their silences.

A silence is a time in which a process did not answer. It is remembered for a day, so that one that has ended is still
seen.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from pydantic import BaseModel, ValidationError

from receiver.data_directory.node import ALL_PARTS
from receiver.data_directory.times import is_recent
from receiver.files import write_whole

FILE = "serve.json"
_SHORTEST_SILENCE = timedelta(seconds=2)
"""A shorter silence is a restart that nobody notices."""
_KEPT = timedelta(days=1)
_MOST = 100
WENT_ON = "It stood still, and went on by itself."
RESTARTED = "It was started again."
UPGRADED = "An upgrade started it again."


class ProcessState(BaseModel):
    """A listener or the store. Times are ISO 8601 in UTC.

    `state` is `starting`, `running`, `waiting` (for its next start), `failed` (no restart helps) or `stopped`.
    `last_exit` is the latest unexpected exit's code, negative for a signal; `failure` the sentence it left, if any, or
    that it hung. `down_since` is the time since which it has not run, null while it runs.

    `last_beat` is the time up to which the process and each of its parts are known to work. `silent_since` is that time
    once it lies three seconds back, else null: such a process runs and does nothing. `busy_with` and `busy_since` name
    work of a part that may take long, such as a checkpoint; the process is not silent because of it.
    `restarted_at` lists the restarts of the last hour.
    """

    pid: int | None = None
    state: str = "stopped"
    version: str | None = None
    started_at: str | None = None
    restarts: int = 0
    last_exit: int | None = None
    last_exit_at: str | None = None
    failure: str | None = None
    down_since: str | None = None
    last_beat: str | None = None
    silent_since: str | None = None
    busy_with: str | None = None
    busy_since: str | None = None
    restarted_at: list[str] = []


class RetiringState(BaseModel):
    """A listener that takes no new connections and finishes those it has."""

    pid: int
    name: str
    version: str | None = None


class UpgradeState(BaseModel):
    """The latest upgrade: `state` is `none`, `running`, `done`, `failed` or `refused`; `detail` is a sentence."""

    number: int = 0
    state: str = "none"
    detail: str = ""


class EndedSilence(BaseModel):
    """A time in which a process, or `serve` itself, did nothing: its begin and end (ISO 8601, UTC), and a sentence."""

    process: str
    since: str
    until: str
    why: str


class UsedFilesState(BaseModel):
    """The files in the settings that `serve` has read when it began; paths are absolute.

    `key_fingerprint` is that of the public key in CLC_PUBLIC_KEY, or of the published one; `key_file` is the file of
    the former. `secret_files` are those of senders' secrets; if `secrets_copied`, listeners have the secrets in memory.
    `tls_files` are the certificate and its key; if `tls_copied`, listeners have both in memory. The listeners'
    certificate is valid between `certificate_begins` and `certificate_ends` (ISO 8601, UTC). `senders` is CLC_SENDERS,
    if the children have copies of its profiles, whose files are `profile_files`.
    """

    key_fingerprint: str | None = None
    key_file: str | None = None
    secret_files: list[str] = []
    secrets_copied: bool = False
    tls_files: list[str] = []
    tls_copied: bool = False
    certificate_begins: str | None = None
    certificate_ends: str | None = None
    senders: str | None = None
    profile_files: list[str] = []


class ServeState(UsedFilesState):
    """All of `serve`; `processes` by name: `listener 1` and so on, and `store`, or `shipper` without a store.

    `state` is `running`, `stopping` or `stopped`. `written_at` is when the file was written: each ten seconds at least,
    and each second while a process is silent. An older time means that `serve` itself hangs or is gone.
    `listen` is the URL of its listeners, and `has_url_secret` says whether target URLs hold the secret of
    CLC_URL_SECRET. `silences` are those that ended in the last day. `role` is the machine's, see `node`.
    """

    pid: int
    version: str
    started_at: str
    written_at: str | None = None
    state: str = "running"
    upgrade: UpgradeState = UpgradeState()
    processes: dict[str, ProcessState] = {}
    retiring: list[RetiringState] = []
    listen: str | None = None
    has_url_secret: bool = False
    silences: list[EndedSilence] = []
    role: str = ALL_PARTS


def write_state(data_dir: Path, state: ServeState) -> None:
    """Replace the file; a reader sees the old or the new one, never a part.

    Raises:
        OSError: it can't be written.
    """
    write_whole(data_dir / FILE, state.model_dump_json(indent=1))


def read_state(data_dir: Path) -> ServeState | None:
    """Read what the `serve` of a data directory wrote last; None where there is nothing to read.

    Whether that `serve` still runs is another question: `find_running_serve` answers it.
    """
    try:
        return ServeState.model_validate_json((data_dir / FILE).read_bytes())
    except (OSError, ValidationError):
        return None


class Restarts(Collector):
    """Collects each process's restarts and last beat from the state in a data directory."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir

    def collect(self) -> Iterator[Metric]:
        """Read the present counts and times."""
        family = CounterMetricFamily(
            "clc_restarts", "How often `serve` started a process again after it had ended.", labels=["process"]
        )
        beats = GaugeMetricFamily(
            "clc_last_beat_timestamp_seconds", "When `serve` last saw a process work.", labels=["process"]
        )
        state = read_state(self._data_dir)
        for name, process in state.processes.items() if state else ():
            family.add_metric([name], process.restarts)
            if process.last_beat:
                beats.add_metric([name], datetime.fromisoformat(process.last_beat).timestamp())
        yield from (family, beats)


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
        if datetime.fromisoformat(silence.until) - datetime.fromisoformat(silence.since) >= _SHORTEST_SILENCE:
            self._ended.append(silence)

    def list_recent(self, now: datetime) -> list[EndedSilence]:
        """Return those that ended in the last day, oldest first."""
        self._ended = [each for each in self._ended if is_recent(each.until, _KEPT, now)][-_MOST:]
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
    if process.last_exit_at and process.last_exit_at >= begun:
        return f"{process.failure or f'It ended with code {process.last_exit}.'} {RESTARTED}"
    return UPGRADED if process.started_at and process.started_at >= begun else WENT_ON
