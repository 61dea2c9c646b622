"""The statements that were found allowed, remembered: to look through one takes as long as a small query does."""

import threading
from collections import OrderedDict
from typing import Final

import duckdb

from receiver.store.query import guard

MOST_STATEMENTS: Final = 256
LONGEST: Final = 20_000


class AllowedStatements:
    """Looks through SQL by `guard` before it runs, the same text once, as dashboards ask the same again and again.

    What may run is a matter of the text alone: it is looked at by what it names, not by what lies behind the names.
    """

    def __init__(self, cursor: duckdb.DuckDBPyConnection) -> None:
        """Check the instance, and learn its functions.

        Raises:
            StoreError: The instance's settings leave queries too much.

        """
        guard.require_locked(cursor)
        self._refused = guard.list_refused_functions(cursor)
        self._lock = threading.Lock()
        self._known: OrderedDict[str, str] = OrderedDict()

    def statement(self, cursor: duckdb.DuckDBPyConnection, sql: str) -> str:
        """Return the one statement in `sql`, free of what surrounds it, if it may run; see `guard.check_statement`.

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
