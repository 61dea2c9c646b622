"""Asks a lake in this process, with the protections of the query service."""

from importlib.resources import files

import duckdb

from analytics.client.lake.files import LakeFiles
from analytics.client.local import PROTECTION, DuckDBSource
from analytics.senders import sql_files


class LakeSource(DuckDBSource):
    """A lake. Each query finds the months again, because some may have been added or replaced since the last query."""

    def __init__(self, location: str) -> None:
        """Find the lake.

        Raises:
            LocationError: there is none, or it can't be read.
        """
        self._files = LakeFiles(location)
        self._files.open_tables()
        views = [*(files(__package__) / "views").iterdir(), *sql_files("views")]
        self._views = [view.read_text(encoding="utf-8") for view in sorted(views, key=lambda view: view.name)]
        super().__init__(location)

    def _open(self) -> duckdb.DuckDBPyConnection:
        connection = duckdb.connect(config={**PROTECTION, "lock_configuration": False})
        connection.execute("SET GLOBAL TimeZone = 'UTC'")
        connection.execute("SET GLOBAL lock_configuration = true")
        return connection

    def _open_cursor(self) -> duckdb.DuckDBPyConnection:
        tables = self._files.open_tables()
        cursor = super()._open_cursor()
        for name, dataset in tables.items():
            cursor.register(f"lake_{name}", dataset)
        for view in self._views:
            for statement in cursor.extract_statements(view):
                cursor.execute(statement)
        return cursor
