"""Remembers allowed statements: checking one takes as long as a small query."""

import threading
from collections import OrderedDict
from typing import Final

import duckdb

from receiver.store.query import guard

MOST_STATEMENTS: Final = 256
LONGEST: Final = 20_000


class AllowedStatements:
    """Checks SQL by `guard` before it runs, each text once, because dashboards repeat their queries.

    The text alone decides: the guard checks the names in it, not the objects behind the names.
    """

    def __init__(self, cursor: duckdb.DuckDBPyConnection) -> None:
        """Check the instance, and learn its functions.

        Raises:
            StoreError: The instance's settings allow queries too much.

        """
        guard.require_locked(cursor)
        self._refused = guard.list_refused_functions(cursor)
        self._lock = threading.Lock()
        self._known: OrderedDict[str, str] = OrderedDict()

    def statement(self, cursor: duckdb.DuckDBPyConnection, sql: str) -> str:
        """Return the one statement in `sql`, without the text around it, if it may run; see `guard.check_statement`.

        Raises:
            QueryError, duckdb.Error: It may not, or it is no SQL.

        """
        with self._lock:
            if sql in self._known:
                self._known.move_to_end(sql)
                return self._known[sql]
        statement = guard.check_statement(cursor, sql, self._refused)
        if len(sql) <= LONGEST:
            with self._lock:
                self._known[sql] = statement
                if len(self._known) > MOST_STATEMENTS:
                    self._known.popitem(last=False)
        return statement
