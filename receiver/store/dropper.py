"""Drops old months from the store, in one transaction, beside the appender as far as possible."""

import logging
from datetime import UTC, datetime
from functools import partial
from typing import Any

import duckdb

from receiver.database.extent import Dropped, read_dropped
from receiver.database.opening import run, transaction
from receiver.deriving.counts import forget_counts
from receiver.deriving.derived import SenderRules, as_columns
from receiver.files import read_sql_file
from receiver.senders import Senders
from receiver.spool.layout import to_microseconds
from receiver.store.appending.condition import GivesWay
from receiver.store.loop import AppendLoop

_WAIT_SECONDS = 10.0
"""For the end of a short look: every few seconds the arranger looks for work."""
_TABLES = ("changes", "underived", "delivery_ids", "notifications")
_REPEATED = "CREATE OR REPLACE TEMP TABLE repeated (key BIGINT, seq BIGINT)"
_DELIVERIES = "INSERT INTO delivery_ids SELECT key, min(seq) FROM repeated GROUP BY key"
_LAST_SEQ = "SELECT coalesce(max(seq), 0) FROM notifications"
_GOING = "SELECT count(*), coalesce(max(seq), 0) FROM going"
_OLD = "SELECT count(*) FROM notifications WHERE received_at < make_timestamptz(?::BIGINT)"

_log = logging.getLogger(__name__)


class Dropper:
    """Drops notifications that the lake holds, and their changes.

    Args:
        connection: the store; a cursor of its own is taken.
        loop: the appender's.
        senders: whose notifications they may be.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, loop: AppendLoop, senders: Senders) -> None:
        self._connection = connection.cursor()
        self._loop = loop
        self._rules = SenderRules(senders)
        # Of a sender for which one of these is no deletion, more stays than it needs.
        self._deletions = self._rules.deletions
        self._parts = [
            {
                "sender": name,
                "category": category,
                "items": parts.items,
                "paths": [parts.name, parts.state, *parts.since.values()],
                "states": list(parts.since),
                "entities": parts.entities,
            }
            for name, sender in senders.items()
            for category, parts in sender.comparison.parts.items()
        ]
        self._gives_way = GivesWay(loop.pace.keeps_up)

    def drop(self, before: datetime, last_seq: int) -> bool:
        """Drop what was received before a moment, except for what other rows need, and tell whether that was possible.

        Nothing is dropped while a backup is copied, rows are put side by side or changes are derived again, nor if
        notifications came meanwhile that concern what goes.

        Args:
            before: the begin of a month; the lake holds all that was received before.
            last_seq: the last number when the lake was compared with the store.

        Raises:
            duckdb.Error: it failed, and nothing was dropped.
        """
        with self._loop.may_arrange(_WAIT_SECONDS) as may:
            if not may:
                return False
            self._gives_way.take_break()  # the store may have stopped meanwhile
            moment = to_microseconds(before)
            after = self._choose(moment)
            self._gives_way.take_break()
            with self._loop.alone():
                if run(self._connection, "FROM rebuilding") or self._count_late(moment, last_seq):
                    return False
                try:
                    with transaction(self._connection):
                        going = self._delete(before, after)
                finally:
                    self._loop.note_dropped()
            for table in ("going", "repeated"):
                run(self._connection, f"DROP TABLE {table}")
        _log.info("%d notifications received before %s are dropped; the lake has them", going, f"{before:%Y-%m-%d}")
        return True

    def interrupt(self) -> None:
        """Abort a running drop, which then changes nothing."""
        self._gives_way.end()
        self._connection.interrupt()

    def _choose(self, moment: int) -> int:
        """Choose what goes, and return the last number of all that was looked at."""
        ((after,),) = run(self._connection, _LAST_SEQ)
        self._rules.read_stateless_events(partial(run, self._connection))
        names, event_types = as_columns(self._rules.stateless_events)
        stateless = {"senders": names, "event_types": event_types}
        self._execute("going.sql", {"before": moment, "deletions": self._deletions, **stateless})
        self._execute("only_of_accounts.sql")
        self._execute("telling_accounts.sql")
        for parts in self._parts:
            self._execute("last_of_parts.sql", {"before": moment, "deletions": self._deletions, **parts})
        run(self._connection, _REPEATED)
        self._execute("repeated.sql", {"after": 0})
        return int(after)

    def _count_late(self, moment: int, last_seq: int) -> int:
        ((number,),) = self._execute("late.sql", {"before": moment, "last_seq": last_seq})
        return int(number)

    def _delete(self, before: datetime, after: int) -> int:
        """Delete what goes and note that, inside a transaction; return how many notifications they were."""
        moment, done = to_microseconds(before), read_dropped(partial(run, self._connection))
        self._execute("repeated.sql", {"after": after})
        ((going, last_seq),) = run(self._connection, _GOING)
        for table in _TABLES:
            run(self._connection, f"DELETE FROM {table} WHERE seq IN (SELECT seq FROM going)")  # noqa: S608 - our own names
        run(self._connection, _DELIVERIES)
        forget_counts(self._connection)
        ((kept,),) = run(self._connection, _OLD, [moment])
        self._note(Dropped(before, done.notifications + going, max(done.last_seq, last_seq), kept))
        return int(going)

    def _note(self, dropped: Dropped) -> None:
        run(self._connection, "DELETE FROM dropped")
        run(self._connection, "INSERT INTO dropped VALUES (?, ?, ?, ?, ?)", [*dropped, datetime.now(UTC)])

    def _execute(self, name: str, parameters: dict[str, Any] | None = None) -> list[tuple[Any, ...]]:
        return self._connection.execute(read_sql_file(f"{__package__}.dropping", name), parameters).fetchall()
