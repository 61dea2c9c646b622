"""Gathers the facts about a receiver, from its store, its spool, its files and its disks."""

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from receiver import __version__
from receiver.data_directory.access import find_running_serve
from receiver.data_directory.incidents import Incident, read_incidents
from receiver.data_directory.node import ALL_PARTS, has_listener, has_store
from receiver.database.extent import read_dropped, read_taken, read_watermarks
from receiver.database.reading import Reader
from receiver.errors import StoreError
from receiver.files import find_write_trouble, read_sql_file
from receiver.keeping.care.files import SeenFiles, look_at_files
from receiver.keeping.care.sharing import SharedSpool, read_sharing_note
from receiver.keeping.notes import read_backup_note, read_lake_note, read_upload_note
from receiver.keeping.scrub_loop import ScrubNote, read_scrub_note
from receiver.notification import SET_ASIDE
from receiver.processes.state import ServeState, read_state
from receiver.settings import Settings
from receiver.spool.layout import Watermarks, to_microseconds
from receiver.spool.looking import Backlog
from receiver.spool.owners import Former, count_whole_backlog, list_former_spools

_UNDERIVED = "SELECT count(*) FROM underived"
_FIRST_VERSION_WITH_UNDERIVED = 6
_NOTHING_WAITS = Backlog(0, None, 0, 0, ())


class Stored(NamedTuple):
    """The database's counts; `rejected` is by reason: rows kept, and rows of the last hour.

    `changes_missing` are the notifications whose changes could not be derived; `lost` those that came from the spool
    and are neither stored, nor dropped, nor set aside. `complete_since` is the moment before which some were dropped.
    """

    notifications: int
    last_minute: int
    last_hour: int
    schema_version: int
    rejected: dict[str, tuple[int, int]]
    set_aside: int
    changes_missing: int = 0
    lost: int = 0
    complete_since: datetime | None = None


class Appending(NamedTuple):
    """Whether the store appends: why and since when it does not; and which tasks beside it fail, and why."""

    failure: str | None
    since: datetime | None
    failing: dict[str, str]


class Facts(NamedTuple):
    """All facts of a moment; `stored` is None if no database could be read, and `unread` says why.

    `appending` is None if another process than the store's gathers them.
    """

    at: datetime
    version: str
    serving: bool
    serve: ServeState | None
    stored: Stored | None
    unread: str | None
    waiting: Backlog
    former_spools: list[Former]
    wal_bytes: int
    database_bytes: int
    checkpointed_at: datetime | None
    unsaved_since: datetime | None
    backup: dict[str, Any]
    backup_every: float | None
    free: dict[str, int | None]
    incidents: list[Incident]
    upload: dict[str, Any] | None = None
    """None without object storage."""
    lake: dict[str, Any] | None = None
    """None without CLC_LAKE."""
    scrub: ScrubNote | None = None
    queries_overdue: int = 0
    query_listen: str = "127.0.0.1:8081"
    appending: Appending | None = None
    has_shared_spool: bool = False
    shared: SharedSpool | None = None
    """None if another process than the store's gathers the facts, and no shipper has noted it."""
    files: SeenFiles = SeenFiles()
    role: str = ALL_PARTS
    """This machine's, see `receiver.data_directory.node`."""
    is_sent_known: bool = False
    """Whether `waiting` counts what the shared spool lacks, and not the store."""
    spool_unwritable: str | None = None
    """Why the spool of a running `serve` takes no new file."""


class WalWatch:
    """Remembers since when DuckDB's WAL holds rows that no checkpoint holds, because its file does not tell."""

    def __init__(self) -> None:
        self._checkpoint: datetime | None = None
        self._since: datetime | None = None

    def find_unsaved_since(self, database: Path, now: datetime) -> datetime | None:
        """Look at the WAL and return since when it holds rows; None while there is none."""
        checkpoint = read_changed_at(database)
        if not measure_wal(database):
            self._since = None
        elif self._since is None or checkpoint != self._checkpoint:
            self._since = now
        self._checkpoint = checkpoint
        return self._since


def gather(
    settings: Settings,
    reader: Reader | None,
    unread: str | None = None,
    *,
    wal: WalWatch | None = None,
    overdue: int = 0,
    appending: Appending | None = None,
    shared: SharedSpool | None = None,
) -> Facts:
    """Gather the facts about a receiver.

    Args:
        settings: where its files lie.
        reader: reads its store; None if that is impossible.
        unread: why it is.
        wal: watches DuckDB's WAL; only the store's process does.
        overdue: how many queries run on after their time; only the store's process knows.
        appending: whether the store appends; only the store's process knows.
        shared: whether the shared spool can be used; only the store's process knows.
    """
    now = datetime.now(UTC)
    stored, watermarks, unread = _read_store(reader, unread, now)
    database = settings.database
    serve = read_state(settings.data_dir)
    role = serve.role if serve else ALL_PARTS
    former = list_former_spools(settings) if has_listener(role) else []
    note = None if has_store(role) else read_sharing_note(settings.data_dir)
    if note:
        watermarks, shared = note.watermarks, note.read_shared(now)
    serving = find_running_serve(settings.data_dir) is not None
    return Facts(
        at=now,
        version=__version__,
        serving=serving,
        serve=serve,
        stored=stored,
        unread=unread,
        waiting=count_whole_backlog(settings, former, watermarks, in_store=wal is not None)
        if has_listener(role)
        else _NOTHING_WAITS,
        former_spools=former,
        wal_bytes=measure_wal(database),
        database_bytes=_measure_size(database),
        checkpointed_at=read_changed_at(database),
        unsaved_since=wal.find_unsaved_since(database, now) if wal else None,
        backup=read_backup_note(settings.data_dir),
        backup_every=settings.backup_every,
        upload=read_upload_note(settings.data_dir, settings.objects) if settings.objects else None,
        lake=read_lake_note(settings.data_dir, settings.objects) if settings.lake == "on" else None,
        free={"data": _measure_free(settings.data_dir)}
        | ({"spool": _measure_free(settings.spool_directory)} if has_listener(role) else {}),
        incidents=read_incidents(settings.data_dir),
        scrub=read_scrub_note(settings.data_dir),
        queries_overdue=overdue,
        query_listen=settings.query_listen,
        appending=appending,
        has_shared_spool=settings.shared_spool is not None or role != ALL_PARTS,
        shared=shared,
        files=look_at_files(settings, serve, role, is_serving=serving, in_store=wal is not None),
        role=role,
        is_sent_known=note is not None and note.sent is not None,
        spool_unwritable=find_write_trouble(settings.spool_directory) if serving and has_listener(role) else None,
    )


def _read_store(
    reader: Reader | None, unread: str | None, now: datetime
) -> tuple[Stored | None, Watermarks, str | None]:
    """Return a store's counts, its watermarks, and why there are no counts."""
    watermarks: Watermarks = {}
    if reader is None:
        return None, watermarks, unread
    try:
        watermarks = read_watermarks(reader.read_rows)
        return _read_stored(reader, now), watermarks, unread
    except StoreError as error:
        return None, watermarks, str(error)


def _read_stored(reader: Reader, now: datetime) -> Stored:
    minute, hour, end = (to_microseconds(now - timedelta(seconds=seconds)) for seconds in (60, 3600, 0))
    (counts,) = reader.read_rows(read_sql_file(__package__, "counts.sql"), [minute, hour, end])
    rejected = {
        reason: (kept, recent)
        for reason, kept, recent in reader.read_rows(read_sql_file(__package__, "rejected.sql"), [hour, end])
    }
    set_aside = sum(kept for kept, _ in (rejected.pop(reason, (0, 0)) for reason in SET_ASIDE))
    notifications, last_minute, last_hour, schema_version = counts
    has_underived = schema_version >= _FIRST_VERSION_WITH_UNDERIVED
    missing = reader.read_rows(_UNDERIVED, [])[0][0] if has_underived else 0
    dropped = read_dropped(reader.read_rows)
    return Stored(
        notifications=notifications,
        last_minute=last_minute,
        last_hour=last_hour,
        schema_version=schema_version,
        rejected=rejected,
        set_aside=set_aside,
        changes_missing=missing,
        lost=max(read_taken(reader.read_rows).missing, 0),
        complete_since=dropped.before if dropped.is_something else None,
    )


def _measure_size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def measure_wal(database: Path) -> int:
    """Return the size of DuckDB's WAL in bytes; a checkpoint deletes it."""
    return _measure_size(database.with_name(database.name + ".wal"))


def read_changed_at(path: Path) -> datetime | None:
    """Return the time at which a file was written; DuckDB writes its database file at checkpoints."""
    try:
        return datetime.fromtimestamp(path.stat().st_mtime, UTC)
    except OSError:
        return None


def _measure_free(directory: Path) -> int | None:
    try:
        return shutil.disk_usage(directory).free
    except OSError:
        return None
