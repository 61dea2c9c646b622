"""The store that benchmarks run on: simulated notifications by seed, appended by the product's own appender."""

import json
import random
import shutil
import time
from collections.abc import Iterator
from contextlib import nullcontext
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

import click
import duckdb

from receiver.database.opening import run
from receiver.deriving import LastBodies
from receiver.notification import Notification, make_id
from receiver.senders.centurylink.events import classify, find_event_by_name
from receiver.senders.request import parse_body
from receiver.simulator.history import NOTIFICATIONS_A_DAY, Outgoing, Simulation
from receiver.spool import SpoolReader, SpoolWriter
from receiver.store.appending.appender import Appender
from receiver.store.arranging import Arranger, Counter, UncountedPart
from tests.support.database import do_next, open_database
from tests.support.rows import notification_of

SEED = 1
END = datetime(2026, 11, 1, tzinfo=UTC).timestamp()
ROWS_PER_PART = 50_000
SIGNATURE_BYTES = 256
COUNTED_AT_ONCE = 2_500_000
COPY_IN_ORDER, COPY_AS_IT_LIES = "\nORDER BY seq;", ";"
WHILE_COPYING: dict[str, Any] = {"checkpoint_threshold": "1TB", "memory_limit": "8GB"}
_KEY = "5e" * 32
LAST = "CREATE TEMP TABLE last AS SELECT last_seq FROM entities WHERE category <> 'Alert'"
BODIES = "SELECT seq, payload FROM notifications WHERE seq > ? AND seq <= ? AND seq IN (FROM last)"
NEWEST = "SELECT max(seq) AS seq, arg_max(id::VARCHAR, seq) FROM notifications"


def built(directory: Path, count: int) -> Path:
    """Return a data directory with so many notifications; it is built when it is asked for first."""
    data_dir = directory / f"{count}"
    if not (data_dir / "figures.json").exists():
        shutil.rmtree(data_dir, ignore_errors=True)
        data_dir.mkdir(parents=True)
        figures = _build(data_dir, count)
        _arrange(data_dir)
        (data_dir / "figures.json").write_text(json.dumps(figures))
    return data_dir


def grown(directory: Path, count: int, copies: int) -> Path:
    """Return a data directory with so many copies of a built one's notifications, all of them of the last year.

    They are copied in the database: as many from the simulator would be of more than a lifetime.
    """
    source, data_dir = built(directory, count), directory / f"{count}-times-{copies}"
    if not (data_dir / "spool").exists():
        _copy(source, data_dir, copies, COPY_IN_ORDER)
        _arrange(data_dir)
        _keep_last_bodies(data_dir)
        (data_dir / "spool").mkdir()
    return data_dir


def grown_again(directory: Path, count: int, copies: int) -> Path:
    """Return a data directory with copies of `grown`'s copies: so many times so many, all of them of the last year.

    Rows lie in each copy as they do in the source: to put a hundred million side by side anew would take hours.
    """
    source, data_dir = grown(directory, count, copies), directory / f"{count}-times-{copies}-times-{copies}"
    if not (data_dir / "spool").exists():
        _copy(source, data_dir, copies, COPY_AS_IT_LIES)
        _note_arranged(data_dir)
        _count(data_dir)
        (data_dir / "spool").mkdir()
    return data_dir


def later(data_dir: Path, count: int) -> list[Notification]:
    """Return a store's newest notifications once more, as if they came when its last one had been."""
    columns = ", ".join(Notification._fields)
    newest = f"SELECT {columns} FROM (FROM notifications ORDER BY seq DESC LIMIT ?) ORDER BY seq"
    with duckdb.connect(str(data_dir / "clc.duckdb"), read_only=True) as store:
        found = list(map(Notification._make, store.execute(newest, [count]).fetchall()))
    moved = found[-1].received_at - found[0].received_at
    return [
        row._replace(
            id=make_id(row.received_at + moved),
            received_at=row.received_at + moved,
            occurred_at=row.occurred_at + moved,
            payload=str(row.payload).encode(),
        )
        for row in found
    ]


def figures_of(data_dir: Path) -> dict[str, float]:
    """Read what was measured while a data directory was built."""
    return json.loads((data_dir / "figures.json").read_text())


def _build(data_dir: Path, count: int) -> dict[str, float]:
    """Fill the spool a part at a time, append it with checkpoints, and say how many rows a second that were."""
    connection = open_database(data_dir / "clc.duckdb")
    reader = SpoolReader(data_dir / "spool")
    appender = Appender(connection.cursor(), reader, data_dir, duplicate_window_seconds=10)
    rates = []
    simulated = _notifications(count)
    with click.progressbar(length=count, label=f"Building {count:,} notifications") as bar:
        while part := list(islice(simulated, ROWS_PER_PART)):
            writer = SpoolWriter(data_dir / "spool")
            writer.append_all(part)
            writer.close()
            began = time.perf_counter()
            while appender.append_new():
                pass
            appender.checkpoint()
            rates.append(len(part) / (time.perf_counter() - began))
            bar.update(len(part))
    reader.close()
    connection.close()
    return {"first": rates[0], "last": rates[-1], "median": sorted(rates)[len(rates) // 2]}


def _copy(source: Path, data_dir: Path, copies: int, order: str) -> None:
    """Copy all rows of a store into a new one, some times over."""
    shutil.rmtree(data_dir, ignore_errors=True)
    data_dir.mkdir()
    open_database(data_dir / "clc.duckdb").close()
    statements = Path(__file__).with_name("grown.sql").read_text("utf-8")
    assert COPY_IN_ORDER in statements
    statements = statements.replace(COPY_IN_ORDER, order)
    with duckdb.connect(str(data_dir / "clc.duckdb"), config=WHILE_COPYING) as connection:
        connection.execute(f"ATTACH '{source / 'clc.duckdb'}' AS source (READ_ONLY)")
        with click.progressbar(range(copies), label=f"Copying {source.name} {copies} times") as bar:
            for copy in bar:
                values = {"copies": copies, "copy": copy, "until": datetime.fromtimestamp(END, UTC)}
                for statement in connection.extract_statements(statements):
                    named = {name: values[name] for name in statement.named_parameters}
                    connection.execute(statement, named or None).fetchall()


def _note_arranged(data_dir: Path) -> None:
    """Note that all rows lie side by side."""
    with duckdb.connect(str(data_dir / "clc.duckdb")) as connection:
        for table in ("arranged", "arranged_widely"):
            connection.execute(f"DELETE FROM {table}")
            connection.execute(f"INSERT INTO {table} SELECT max(seq) FROM notifications")


def _count(data_dir: Path) -> None:
    """Count all rows as a running store does, in larger parts: it looks at all that is not counted for each."""
    connection = open_database(data_dir / "clc.duckdb")
    counter = Counter(connection, nullcontext)
    ((last,),) = run(connection, "SELECT max(seq) FROM notifications")
    with click.progressbar(range(0, last, COUNTED_AT_ONCE), label=f"Counting {last:,} notifications") as bar:
        for after in bar:
            counter.count(UncountedPart(after, min(after + COUNTED_AT_ONCE, last)))
    run(connection, "CHECKPOINT")
    connection.close()


def _arrange(data_dir: Path) -> None:
    """Put rows side by side and count them as a running store does."""
    connection = open_database(data_dir / "clc.duckdb")
    for each in (Arranger(connection, nullcontext), Counter(connection, nullcontext)):
        while do_next(each):
            run(connection, "CHECKPOINT")
    connection.close()


def _keep_last_bodies(data_dir: Path) -> None:
    """Have the last body of each entity at hand, as an appender that put all these rows there has."""
    bodies = LastBodies(data_dir)
    with duckdb.connect(str(data_dir / "clc.duckdb"), read_only=True) as connection:
        ((newest, identity),) = connection.execute(NEWEST).fetchall()
        connection.execute(LAST).fetchall()
        for after in range(0, newest, ROWS_PER_PART):
            found = connection.execute(BODIES, [after, after + ROWS_PER_PART]).fetchall()
            with bodies.replacing([], {seq: payload.encode() for seq, payload in found}, (newest, identity)):
                pass


def _notifications(count: int) -> Iterator[Notification]:
    """Yield notifications as a listener would have spooled them, with signatures of real size that nobody checks."""
    signatures = random.Random(SEED)
    history = Simulation(SEED).make_history(count / NOTIFICATIONS_A_DAY, END, count)
    return (_spooled(outgoing, signatures.randbytes(SIGNATURE_BYTES)) for outgoing in islice(history, count))


def _spooled(outgoing: Outgoing, signature: bytes) -> Notification:
    received_at = datetime.fromtimestamp(outgoing.received_at, UTC)
    event = find_event_by_name(outgoing.event_type)
    assert event is not None
    about = classify(event, parse_body(outgoing.body), received_at)
    return notification_of(
        about, received_at, outgoing.body, signature_status="valid", signature=signature, key_fingerprint=_KEY
    )
